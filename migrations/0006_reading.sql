-- What the API reads: views that say one thing once, and the indexes its pages need.

-- Each index as the schema describes it, with its size and use as the counters say.
CREATE VIEW described_index AS
SELECT t.instance_id,
       t.database,
       t.schema_name,
       t.table_name,
       i.item ->> 'name' AS name,
       i.item ->> 'definition' AS definition,
       (i.item ->> 'unique')::boolean AS is_unique,
       (i.item ->> 'valid')::boolean AS is_valid,
       i.item ->> 'constraint' IS NOT NULL AS is_constraint,
       a.size_bytes,
       a.scans,
       u.stats_since
FROM schema_table AS t
CROSS JOIN LATERAL jsonb_array_elements(t.structure -> 'indexes') AS i (item)
LEFT JOIN table_usage AS u USING (instance_id, database, table_oid)
LEFT JOIN LATERAL (
    SELECT (counted.item ->> 'size_bytes')::bigint AS size_bytes,
           (counted.item ->> 'scans')::bigint AS scans
    FROM jsonb_array_elements(u.usage -> 'indexes') AS counted (item)
    WHERE counted.item -> 'oid' = i.item -> 'oid'
) AS a ON true;

CREATE INDEX finding_statement ON finding (instance_id, statement_id) WHERE resolved_at IS NULL;
CREATE INDEX proposal_created ON proposal (created_at, proposal_id);
CREATE INDEX change_created ON change (created_at, change_id);
CREATE INDEX outcome_measured ON outcome (measured_at, change_id);

-- Findings with the names and ranks that lists show and sort by.
CREATE VIEW read_finding AS
SELECT finding.finding_id,
       finding.instance_id,
       instance.name AS instance_name,
       finding.kind,
       finding.severity,
       finding.title,
       finding.object,
       finding.statement_id,
       finding.summary,
       finding.advice,
       finding.evidence,
       finding.time_share,
       finding.lost_ms_per_hour,
       finding.first_seen_at,
       finding.last_seen_at,
       finding.resolved_at,
       finding.resolved_reason,
       finding.reopened,
       ARRAY(
           SELECT proposal.proposal_id
           FROM proposal_finding
           JOIN proposal USING (proposal_id)
           WHERE proposal_finding.finding_id = finding.finding_id
           ORDER BY proposal.created_at DESC, proposal.proposal_id
       ) AS proposals,
       COALESCE(array_position(ARRAY['low', 'medium', 'high', 'critical'], finding.severity), 0) AS severity_rank,
       LEAST(COALESCE(finding.lost_ms_per_hour, 0) * 1000, 9e18)::bigint AS lost_rank
FROM finding
JOIN instance USING (instance_id);

-- Proposals in a line. One that nobody decided in time has expired, whether or not a job has noticed.
CREATE VIEW read_proposal AS
SELECT proposal.proposal_id,
       proposal.instance_id,
       instance.name AS instance_name,
       proposal.title,
       proposal.kind,
       CASE WHEN proposal.state = 'waiting' AND proposal.expires_at <= now() THEN 'expired' ELSE proposal.state END
           AS state,
       proposal.created_at,
       proposal.expires_at,
       NULLIF(proposal.draft -> 'predicted', 'null'::jsonb) AS predicted,
       proposal.simulated,
       (proposal.draft ->> 'size_bytes')::bigint AS size_bytes,
       (SELECT count(*) FROM jsonb_array_elements(proposal.draft -> 'statements') AS s (item)
        WHERE s.item ->> 'verdict' = 'helps') AS helped,
       (SELECT count(*) FROM jsonb_array_elements(proposal.draft -> 'statements') AS s (item)
        WHERE s.item ->> 'verdict' = 'hurts') AS hurt
FROM proposal
JOIN instance USING (instance_id);

-- Changes in a line.
CREATE VIEW read_change AS
SELECT change.change_id,
       change.proposal_id,
       change.instance_id,
       instance.name AS instance_name,
       change.title,
       change.kind,
       change.state,
       change.state_since,
       (change.effect ->> 'estimate')::float8 AS estimate,
       (change.effect ->> 'low')::float8 AS low,
       (change.effect ->> 'high')::float8 AS high,
       change.verdict,
       change.created_at
FROM change
JOIN instance USING (instance_id);
