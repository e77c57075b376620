import { NativeSelect } from "@mantine/core";
import type { PlanVersion } from "~/api/types.ts";
import { amount, localTime } from "~/format.ts";
import { Empty } from "~/ui/Empty.tsx";
import { Section } from "~/ui/Page.tsx";
import { Ago } from "~/ui/Time.tsx";
import { useUrl } from "~/url-state.ts";
import { PlanComparison } from "./PlanComparison.tsx";
import { PlanTree } from "./PlanTree.tsx";
import classes from "./PlanTree.module.css";

const ORIGIN: Record<PlanVersion["origin"], string> = {
  generic: "generic plan, for any parameters",
  representative: "plan for representative parameters",
  what_if: "what-if, with an index that did not exist",
};

const SHORT: Record<PlanVersion["origin"], string> = { generic: "generic", representative: "representative", what_if: "what-if" };

const named = (plan: PlanVersion) => `${SHORT[plan.origin]}, cost ${amount(plan.total_cost)}, last seen ${localTime(plan.last_seen_at)}`;

export function Plans({ of, problem }: { of: readonly PlanVersion[]; problem: string | null | undefined }) {
  const url = useUrl();
  const first = of[0];
  if (!first) {
    return (
      <Section title="Plan">
        <Empty title="No plan yet">{problem ?? "Plans are read every few minutes for the statements that cost most. They are only planned, never executed."}</Empty>
      </Section>
    );
  }
  const chosen = of.find((plan) => plan.plan_id === url.get("plan")) ?? first;
  const others = of.filter((plan) => plan !== chosen);
  const before = others.find((plan) => plan.plan_id === url.get("compare"));
  return (
    <Section
      title="Plan"
      hint={of.length > 1 ? `${of.length} are known` : undefined}
      actions={
        of.length > 1 && (
          <>
            <NativeSelect
              aria-label="Which plan"
              value={chosen.plan_id}
              onChange={(event) => url.set({ plan: event.currentTarget.value === first.plan_id ? undefined : event.currentTarget.value, compare: undefined })}
              data={of.map((plan) => ({ value: plan.plan_id, label: named(plan) }))}
            />
            <NativeSelect
              aria-label="Compare with"
              value={before?.plan_id ?? ""}
              onChange={(event) => url.set({ compare: event.currentTarget.value })}
              data={[{ value: "", label: "Compare with …" }, ...others.map((plan) => ({ value: plan.plan_id, label: named(plan) }))]}
            />
          </>
        )
      }
    >
      {before ? <PlanComparison before={before} after={chosen} /> : <OnePlan plan={chosen} />}
    </Section>
  );
}

function OnePlan({ plan }: { plan: PlanVersion }) {
  return (
    <>
      <p className={classes.headline}>{plan.explanation.headline}</p>
      <p className={classes.origin}>
        {ORIGIN[plan.origin]}; total cost {amount(plan.total_cost)} units; first seen <Ago at={plan.first_seen_at} />, last seen <Ago at={plan.last_seen_at} />; shape {plan.shape_hash}
      </p>
      <PlanTree nodes={plan.explanation.nodes} />
    </>
  );
}
