-- The names that users of the earlier system know, over what this one stores. To read only; ids are texts.
-- Left out, because nothing is behind them yet: configuration_changes, query_patterns.

CREATE SCHEMA compat;

CREATE VIEW compat.connections AS
SELECT instance.instance_id::text AS id,
       instance.name,
       instance.engine,
       agent.host_name AS host,
       NULL::integer AS port,
       instance.databases[1] AS database,
       NULL::text AS username,
       NULL::text AS password_encrypted,
       NULL::boolean AS ssl_enabled,
       agent.revoked_at IS NULL AS monitoring_enabled,
       instance.first_seen_at AS created_at,
       COALESCE(instance.collectors_at, instance.first_seen_at) AS updated_at,
       instance.last_report_at AS last_monitored_at
FROM instance
JOIN agent USING (agent_id);

-- Counters are those of the stretch for which sums by minute are kept.
CREATE VIEW compat.queries AS
SELECT statement.instance_id || '/' || statement.statement_id AS id,
       statement.instance_id::text AS connection_id,
       lpad(to_hex(statement.statement_id), 16, '0') AS query_hash,
       statement.text AS sql_text,
       sums.total_ms / NULLIF(sums.calls, 0) AS avg_exec_time_ms,
       sums.total_ms AS total_exec_time_ms,
       sums.calls,
       sums.row_count AS rows_returned,
       sums.blocks_hit AS buffer_hits,
       sums.blocks_read AS buffer_reads,
       statement.first_seen_at AS discovered_at,
       statement.last_seen_at,
       EXISTS (
           SELECT 1
           FROM change
           JOIN proposal USING (proposal_id)
           WHERE change.instance_id = statement.instance_id
             AND change.state = 'confirmed'
             AND proposal.draft -> 'statements'
                 @> jsonb_build_array(jsonb_build_object('statement_id', statement.statement_id, 'verdict', 'helps'))
       ) AS optimized
FROM statement
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(minute.calls), 0)::bigint AS calls,
           COALESCE(sum(minute.row_count), 0)::bigint AS row_count,
           COALESCE(sum(minute.total_ms), 0) AS total_ms,
           COALESCE(sum(minute.blocks_hit), 0)::bigint AS blocks_hit,
           COALESCE(sum(minute.blocks_read), 0)::bigint AS blocks_read
    FROM query_stats_minute AS minute
    WHERE minute.instance_id = statement.instance_id
      AND minute.statement_id = statement.statement_id
) AS sums;

CREATE VIEW compat.optimizations AS
SELECT proposal.proposal_id::text AS id,
       proposal.instance_id || '/' || first.statement_id AS query_id,
       proposal.instance_id::text AS connection_id,
       statement.text AS original_sql,
       (SELECT string_agg(part.text, E';\n' ORDER BY part.at)
        FROM jsonb_array_elements_text(proposal.sql -> 'apply') WITH ORDINALITY AS part (text, at)) AS optimized_sql,
       NULL::jsonb AS execution_plan,
       proposal.reason AS explanation,
       proposal.title AS recommendations,
       -100 * (proposal.draft #>> '{predicted,estimate}')::float8 AS estimated_improvement_pct,
       CASE
           WHEN proposal.state = 'waiting' THEN 'pending'
           WHEN change.state = 'confirmed' THEN 'validated'
           WHEN change.state IN ('applying', 'trial') THEN 'applied'
           WHEN change.state IN ('approved', 'offered', 'received', 'armed') THEN 'pending'
           ELSE 'failed'
       END AS status,
       proposal.created_at,
       change.verified_at AS applied_at,
       CASE WHEN change.state = 'confirmed' THEN change.ended_at END AS validated_at,
       proposal.evidence AS detected_issues
FROM proposal
LEFT JOIN change USING (proposal_id)
LEFT JOIN LATERAL (
    SELECT (part.item ->> 'statement_id')::bigint AS statement_id
    FROM jsonb_array_elements(proposal.draft -> 'statements') WITH ORDINALITY AS part (item, at)
    WHERE part.item ->> 'verdict' = 'helps'
    ORDER BY part.at
    LIMIT 1
) AS first ON true
LEFT JOIN statement ON statement.instance_id = proposal.instance_id AND statement.statement_id = first.statement_id;

CREATE VIEW compat.query_issues AS
SELECT finding.finding_id::text AS id,
       finding.instance_id || '/' || finding.statement_id AS query_id,
       (SELECT proposal_finding.proposal_id::text
        FROM proposal_finding
        JOIN proposal USING (proposal_id)
        WHERE proposal_finding.finding_id = finding.finding_id
        ORDER BY proposal.created_at DESC
        LIMIT 1) AS optimization_id,
       finding.instance_id::text AS connection_id,
       finding.kind AS issue_type,
       finding.severity,
       finding.title,
       finding.summary AS description,
       CASE WHEN finding.object IS NULL THEN '[]'::jsonb ELSE jsonb_build_array(finding.object) END AS affected_objects,
       jsonb_build_array(finding.advice) AS recommendations,
       finding.evidence AS metrics,
       finding.first_seen_at AS detected_at,
       finding.resolved_at IS NOT NULL AS resolved,
       finding.resolved_at
FROM finding;

CREATE VIEW compat.optimization_feedback AS
SELECT outcome.change_id::text AS id,
       change.proposal_id::text AS optimization_id,
       outcome.instance_id::text AS connection_id,
       touched.before AS before_metrics,
       touched.after AS after_metrics,
       -100 * (outcome.realised ->> 'estimate')::float8 AS actual_improvement_pct,
       -100 * (outcome.predicted ->> 'estimate')::float8 AS estimated_improvement_pct,
       100 * outcome.accuracy AS accuracy_score,
       change.verified_at AS applied_at,
       outcome.measured_at,
       CASE outcome.verdict WHEN 'helped' THEN 'success' WHEN 'harmed' THEN 'failed' ELSE 'partial' END
           AS feedback_status,
       NULL::integer AS dba_rating,
       change.wanted_reason AS dba_comments
FROM outcome
JOIN change USING (change_id)
LEFT JOIN LATERAL (
    SELECT part.item -> 'before' AS before, part.item -> 'after' AS after
    FROM jsonb_array_elements(change.effect -> 'statements') WITH ORDINALITY AS part (item, at)
    WHERE part.item ->> 'role' = 'touched'
    ORDER BY part.at
    LIMIT 1
) AS touched ON true;

-- One row for each minute; total_queries counts that minute, not all time.
CREATE VIEW compat.workload_metrics AS
SELECT loads.instance_id || '/' || extract(epoch FROM loads.minute)::bigint AS id,
       loads.instance_id::text AS connection_id,
       loads.minute AS timestamp,
       loads.calls AS total_queries,
       loads.total_ms / NULLIF(loads.calls, 0) AS avg_exec_time,
       host.cpu_usage,
       NULL::float8 AS io_usage,
       host.memory_usage,
       activity.active_connections,
       NULL::integer AS slow_queries_count,
       NULL::text AS workload_type
FROM (
    SELECT instance_id, minute, sum(calls)::bigint AS calls, sum(total_ms) AS total_ms
    FROM query_stats_minute
    GROUP BY instance_id, minute
) AS loads
LEFT JOIN LATERAL (
    SELECT 100 * avg(cpu_fraction)::float8 AS cpu_usage,
           100 * avg(1 - memory_available_bytes::float8 / NULLIF(memory_total_bytes, 0)) AS memory_usage
    FROM host_sample
    WHERE host_sample.instance_id = loads.instance_id
      AND host_sample.read_at >= loads.minute
      AND host_sample.read_at < loads.minute + interval '1 minute'
) AS host ON true
LEFT JOIN LATERAL (
    SELECT round(avg(active))::integer AS active_connections
    FROM activity_sample
    WHERE activity_sample.instance_id = loads.instance_id
      AND activity_sample.read_at >= loads.minute
      AND activity_sample.read_at < loads.minute + interval '1 minute'
) AS activity ON true;

CREATE VIEW compat.index_recommendations AS
SELECT proposal.proposal_id::text AS id,
       proposal.instance_id::text AS connection_id,
       proposal.what #>> '{create_index,table,name}' AS table_name,
       proposal.what #>> '{create_index,name}' AS index_name,
       (SELECT jsonb_agg(key.item -> 'column' ORDER BY key.at)
        FROM jsonb_array_elements(proposal.what #> '{create_index,keys}') WITH ORDINALITY AS key (item, at)) AS columns,
       'btree' AS index_type,
       'create' AS recommendation_type,
       -100 * (proposal.draft #>> '{predicted,estimate}')::float8 AS estimated_benefit,
       NULL::float8 AS estimated_cost,
       NULL::bigint AS usage_count,
       NULL::timestamptz AS last_used_at,
       CASE
           WHEN proposal.state = 'rejected' THEN 'rejected'
           WHEN change.state IN ('trial', 'confirmed') THEN 'created'
           WHEN change.state = 'reverted' THEN 'dropped'
           ELSE 'recommended'
       END AS status,
       proposal.reason,
       proposal.created_at,
       change.verified_at AS applied_at,
       proposal.what #>> '{create_index,table,schema}' AS schema_name,
       (proposal.draft ->> 'size_bytes')::bigint AS size_bytes,
       NULL::bigint AS scans
FROM proposal
LEFT JOIN change USING (proposal_id)
WHERE proposal.kind = 'create_index'
UNION ALL
SELECT finding.finding_id::text,
       finding.instance_id::text,
       described_index.table_name,
       COALESCE(described_index.name, finding.object),
       NULL::jsonb,
       'btree',
       'drop',
       NULL::float8,
       NULL::float8,
       described_index.scans,
       NULL::timestamptz,
       'recommended',
       finding.summary,
       finding.first_seen_at,
       NULL::timestamptz,
       described_index.schema_name,
       described_index.size_bytes,
       described_index.scans
FROM finding
LEFT JOIN described_index
    ON described_index.instance_id = finding.instance_id
    AND described_index.database = finding.database
    AND described_index.schema_name || '.' || described_index.name = finding.object
WHERE finding.kind IN ('unused_index', 'duplicate_index')
  AND finding.resolved_at IS NULL;
