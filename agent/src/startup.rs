//! Puts the parts together and takes them apart again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use querysmith_shared::id::{AgentId, InstanceId};
use querysmith_shared::observation::instance::Instance;
use querysmith_shared::wire::order::{Answer, Order};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, info};

use crate::apply::applier::Applier;
use crate::apply::context::{ApplyConfig, ApplyInstance};
use crate::collect::sink::ToOutbox;
use crate::collect::{cost, supervise};
use crate::config::{self, Config};
use crate::engines::{self, Engine, EngineError, HostPermission};
use crate::link::connection::{self, IncomingOrder, LinkConfig};
use crate::link::identity;
use crate::link::outbox::{Outbox, SpoolConfig};

/// Orders that wait to be looked at; the controller asks for no more at once.
const MAX_WAITING_ORDERS: usize = 32;
/// Longest wait for everything to end after a signal.
const DRAIN_LIMIT: Duration = Duration::from_secs(20);

/// Name of this host, for people.
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "unnamed host".to_owned() } else { name.to_owned() }
}

/// The instances that changes may be made on: those with a role for it.
pub fn apply_instances(config: &Config, agent: AgentId) -> Result<Vec<ApplyInstance>, EngineError> {
    let mut instances = Vec::new();
    for instance in &config.instances {
        if let Some(target) = engines::change_target(instance)? {
            let id = InstanceId::derive(agent, &instance.name);
            instances.push(ApplyInstance { id, name: instance.name.clone(), target });
        }
    }
    Ok(instances)
}

/// What the change engine needs to know.
pub fn apply_config(config: &Config) -> ApplyConfig {
    ApplyConfig {
        allow_list: config.apply.allow_list.clone(),
        ..ApplyConfig::new(config.state.directory.clone())
    }
}

/// Runs the agent until it is told to stop by SIGTERM or SIGINT.
pub async fn run(config: Config) -> Result<()> {
    let (stop, stopping) = watch::channel(false);
    let parts = Parts::start(&config, &stopping)?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    let Parts { mut tasks, applier, outbox } = parts;
    let outcome = loop {
        tokio::select! {
            _ = terminate.recv() => break Ok(()),
            _ = interrupt.recv() => break Ok(()),
            Some(ended) = tasks.join_next() => match ended {
                Ok(Ok(())) => {}
                Ok(Err(error)) => break Err(error),
                Err(error) => break Err(error).context("a part of the agent ended"),
            },
        }
    };
    info!("stopping");
    stop.send_replace(true);
    let ended = tokio::time::timeout(DRAIN_LIMIT, async {
        while tasks.join_next().await.is_some() {}
        if let Some(applier) = Arc::into_inner(applier) {
            applier.stopped().await;
        }
        outbox.close().await;
    });
    if ended.await.is_err() {
        error!("not everything ended within {} s", DRAIN_LIMIT.as_secs());
    }
    info!("stopped");
    outcome
}

/// Everything that runs.
struct Parts {
    tasks: JoinSet<Result<()>>,
    applier: Arc<Applier>,
    outbox: Outbox,
}

/// One watched server.
#[derive(Clone)]
struct Member {
    id: InstanceId,
    config: config::Instance,
    engine: Arc<dyn Engine>,
}

impl Parts {
    fn start(config: &Config, stopping: &watch::Receiver<bool>) -> Result<Self> {
        let state_dir = &config.state.directory;
        let agent = identity::agent_id(state_dir)
            .with_context(|| format!("reading this agent's identity in {}", state_dir.display()))?;
        let spool = SpoolConfig {
            max_bytes: config.spool.max_bytes,
            max_change_bytes: config.spool.max_change_bytes,
        };
        let outbox = Outbox::open(state_dir, spool).context("opening the spool")?;
        let applier = Arc::new(Applier::start(
            ApplyConfig { agent, ..apply_config(config) },
            apply_instances(config, agent)?,
            outbox.clone(),
            stopping.clone(),
        ));
        let members = members(config, agent, &applier)?;
        info!(agent = %agent, instances = members.len(), version = env!("CARGO_PKG_VERSION"), "started");

        let mut tasks = JoinSet::new();
        let roster = Arc::new(watch::Sender::new(members.iter().map(listed).collect()));
        let (orders, incoming) = mpsc::channel(MAX_WAITING_ORDERS);
        let link = connection::run(
            link_config(config, &applier),
            outbox.clone(),
            roster.subscribe(),
            orders,
            stopping.clone(),
        );
        tasks.spawn(async move { link.await.context("the link ended") });
        let (stretch, stretched) = watch::channel(1.0);
        for member in &members {
            let watched = supervise::Watched {
                config: member.config.clone(),
                engine: Arc::clone(&member.engine),
                reports: ToOutbox { outbox: outbox.clone(), instance: Some(member.id) },
                roster: Arc::clone(&roster),
                stretch: stretched.clone(),
                settings_changed: applier.settings_changed(member.id),
            };
            let collecting = supervise::run(watched, stopping.clone());
            tasks.spawn(async move {
                collecting.await;
                Ok(())
            });
        }
        let costing = cost::run(
            config.budget.clone(),
            members.iter().map(|member| Arc::clone(&member.engine)).collect(),
            ToOutbox { outbox: outbox.clone(), instance: None },
            stretch,
            stopping.clone(),
        );
        tasks.spawn(async move {
            costing.await;
            Ok(())
        });
        let answering = answer_orders(incoming, members, Arc::clone(&applier), stopping.clone());
        tasks.spawn(async move {
            answering.await;
            Ok(())
        });
        Ok(Self { tasks, applier, outbox })
    }
}

fn members(config: &Config, agent: AgentId, applier: &Arc<Applier>) -> Result<Vec<Member>, EngineError> {
    let mut members = Vec::new();
    for instance in &config.instances {
        let id = InstanceId::derive(agent, &instance.name);
        // A weak handle: the applier is taken apart while engines still exist.
        let applier = Arc::downgrade(applier);
        let leave = Arc::new(move || match applier.upgrade() {
            Some(applier) => {
                HostPermission { may_apply: applier.obstacle(id).is_none(), approvers: applier.approvers(id) }
            }
            None => HostPermission::NONE,
        });
        let engine: Arc<dyn Engine> = engines::connect(instance, id, leave)?.into();
        members.push(Member { id, config: instance.clone(), engine });
    }
    Ok(members)
}

fn listed(member: &Member) -> Instance {
    Instance {
        id: member.id,
        name: member.config.name.clone(),
        environment: member.config.environment.clone(),
        engine: member.engine.kind(),
        server: None,
    }
}

fn link_config(config: &Config, applier: &Applier) -> LinkConfig {
    LinkConfig {
        controller: config.controller.address.clone(),
        state_dir: config.state.directory.clone(),
        host_name: host_name(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        run: rand::random(),
        obeyed: applier.obeyed(),
    }
}

/// Hands each order to whom it concerns, all of them side by side: a what-if question takes its time.
async fn answer_orders(
    mut incoming: mpsc::Receiver<IncomingOrder>,
    members: Vec<Member>,
    applier: Arc<Applier>,
    mut stop: watch::Receiver<bool>,
) {
    let mut answering = JoinSet::new();
    loop {
        tokio::select! {
            Some(IncomingOrder { order, reply }) = incoming.recv() => {
                let (members, applier) = (members.clone(), Arc::clone(&applier));
                answering.spawn(async move {
                    // The controller that asked may be gone; then nobody waits for the answer.
                    let _ = reply.send(answer(order, &members, &applier).await);
                });
            }
            Some(ended) = answering.join_next() => {
                if let Err(error) = ended {
                    error!(error = &error as &dyn std::error::Error, "answering an order ended badly");
                }
            }
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    answering.shutdown().await;
}

async fn answer(order: Order, members: &[Member], applier: &Applier) -> Answer {
    match order {
        Order::WhatIf(question) => match members.iter().find(|member| member.id == question.instance) {
            Some(member) => Answer::WhatIf(member.engine.what_if(&question).await),
            None => Answer::Refused("this agent does not watch that instance".to_owned()),
        },
        change @ (Order::Apply(_)
        | Order::Undo(_)
        | Order::Confirm(_)
        | Order::Renew(_)
        | Order::Pause(_)) => applier.handle(change).await,
    }
}
