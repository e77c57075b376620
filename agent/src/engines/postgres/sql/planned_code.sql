WITH /* querysmith */ RECURSIVE function AS MATERIALIZED (
    SELECT
        p.oid,
        p.proname,
        p.provolatile <> 'v'::"char"
        OR l.lanname = 'sql'::name
        OR COALESCE(p.proargdefaults::text ~ $2::text, false) AS planned,
        COALESCE(r.rolsuper, false) AS of_superuser,
        EXISTS (
            SELECT
            FROM pg_catalog.unnest(p.proconfig) AS c (setting)
            WHERE c.setting = 'search_path=""'::text
                OR c.setting = 'search_path=pg_catalog'::text
                OR c.setting = 'search_path=pg_catalog, pg_temp'::text
        ) AS pinned
    FROM pg_catalog.pg_proc AS p
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
    LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = p.proowner
    WHERE p.oid >= '16384'::oid AND l.lanname <> 'internal'::name AND l.lanname <> 'c'::name
),
of_users AS MATERIALIZED (
    SELECT f.oid, f.proname, f.planned
    FROM function AS f
    WHERE NOT f.of_superuser
        OR (NOT f.pinned AND EXISTS (SELECT FROM function AS o WHERE NOT o.of_superuser))
),
running (class, object) AS (
    SELECT 'pg_catalog.pg_proc'::regclass::oid, u.oid
    FROM of_users AS u
    WHERE u.planned
    UNION
    SELECT n.class, n.object
    FROM running AS t
    CROSS JOIN LATERAL (
        SELECT
            CASE WHEN d.classid = 'pg_catalog.pg_proc'::regclass::oid THEN d.classid ELSE 'pg_catalog.pg_class'::regclass::oid END,
            CASE d.classid
                WHEN 'pg_catalog.pg_proc'::regclass::oid THEN d.objid
                WHEN 'pg_catalog.pg_class'::regclass::oid
                    THEN COALESCE((SELECT i.indrelid FROM pg_catalog.pg_index AS i WHERE i.indexrelid = d.objid), d.objid)
                WHEN 'pg_catalog.pg_rewrite'::regclass::oid
                    THEN (SELECT w.ev_class FROM pg_catalog.pg_rewrite AS w WHERE w.oid = d.objid)
                WHEN 'pg_catalog.pg_constraint'::regclass::oid
                    THEN (SELECT k.conrelid FROM pg_catalog.pg_constraint AS k WHERE k.oid = d.objid)
                WHEN 'pg_catalog.pg_attrdef'::regclass::oid
                    THEN (SELECT a.adrelid FROM pg_catalog.pg_attrdef AS a WHERE a.oid = d.objid)
                WHEN 'pg_catalog.pg_policy'::regclass::oid
                    THEN (SELECT y.polrelid FROM pg_catalog.pg_policy AS y WHERE y.oid = d.objid)
                WHEN 'pg_catalog.pg_statistic_ext'::regclass::oid
                    THEN (SELECT x.stxrelid FROM pg_catalog.pg_statistic_ext AS x WHERE x.oid = d.objid)
            END
        FROM pg_catalog.pg_depend AS d
        WHERE d.refclassid = t.class
            AND d.refobjid = t.object
            AND (
                d.classid = 'pg_catalog.pg_rewrite'::regclass::oid
                OR d.classid = 'pg_catalog.pg_policy'::regclass::oid
                OR d.classid = 'pg_catalog.pg_proc'::regclass::oid
                OR t.class = 'pg_catalog.pg_proc'::regclass::oid
            )
        UNION ALL
        SELECT t.class, CASE WHEN h.inhrelid = t.object THEN h.inhparent ELSE h.inhrelid END
        FROM pg_catalog.pg_inherits AS h
        WHERE t.class = 'pg_catalog.pg_class'::regclass::oid AND (h.inhrelid = t.object OR h.inhparent = t.object)
    ) AS n (class, object)
    WHERE n.object IS NOT NULL
),
named (relation) AS (
    SELECT c.oid
    FROM pg_catalog.pg_class AS c
    WHERE c.relname = ANY ($1::name[]) AND c.oid >= '16384'::oid
    UNION
    SELECT d.refobjid
    FROM named AS n
    CROSS JOIN LATERAL (
        SELECT 'pg_catalog.pg_rewrite'::regclass::oid, w.oid
        FROM pg_catalog.pg_rewrite AS w
        WHERE w.ev_class = n.relation
        UNION ALL
        SELECT 'pg_catalog.pg_policy'::regclass::oid, y.oid
        FROM pg_catalog.pg_policy AS y
        WHERE y.polrelid = n.relation
    ) AS o (class, object)
    JOIN pg_catalog.pg_depend AS d ON d.classid = o.class AND d.objid = o.object
    WHERE d.refclassid = 'pg_catalog.pg_class'::regclass::oid AND d.refobjid >= '16384'::oid
)
(
    SELECT 'everywhere' AS kind, u.oid::regprocedure::text AS name
    FROM of_users AS u
    JOIN pg_catalog.pg_depend AS d ON d.refclassid = 'pg_catalog.pg_proc'::regclass::oid AND d.refobjid = u.oid
    WHERE d.classid = 'pg_catalog.pg_operator'::regclass::oid
        OR d.classid = 'pg_catalog.pg_cast'::regclass::oid
        OR d.classid = 'pg_catalog.pg_type'::regclass::oid
        OR d.classid = 'pg_catalog.pg_amproc'::regclass::oid
        OR d.classid = 'pg_catalog.pg_opclass'::regclass::oid
        OR d.classid = 'pg_catalog.pg_opfamily'::regclass::oid
        OR (
            d.classid = 'pg_catalog.pg_constraint'::regclass::oid
            AND EXISTS (
                SELECT
                FROM pg_catalog.pg_constraint AS k
                WHERE k.oid = d.objid AND k.contypid <> '0'::oid
            )
        )
    LIMIT 1
)
UNION ALL
(
    SELECT 'domain', t.oid::regtype::text
    FROM pg_catalog.pg_constraint AS k
    JOIN pg_catalog.pg_type AS t ON t.oid = k.contypid
    WHERE k.conbin::text ~ $2::text
    LIMIT 1
)
UNION ALL
(
    SELECT 'function', p.proname::text
    FROM running AS t
    JOIN pg_catalog.pg_proc AS p ON p.oid = t.object
    WHERE t.class = 'pg_catalog.pg_proc'::regclass::oid AND p.proname = ANY ($1::name[])
    LIMIT 1
)
UNION ALL
(
    SELECT 'relation', c.relname::text
    FROM running AS t
    JOIN pg_catalog.pg_class AS c ON c.oid = t.object
    WHERE t.class = 'pg_catalog.pg_class'::regclass::oid AND c.relname = ANY ($1::name[])
    LIMIT 1
)
UNION ALL
(
    -- OFFSET 0: only what belongs to the named relations is searched, never every view of the database.
    SELECT 'reading', c.relname::text
    FROM named AS n
    JOIN pg_catalog.pg_class AS c ON c.oid = n.relation
    CROSS JOIN LATERAL (
        (SELECT w.ev_action::text, w.ev_qual::text FROM pg_catalog.pg_rewrite AS w WHERE w.ev_class = n.relation OFFSET 0)
        UNION ALL
        (SELECT a.adbin::text, NULL::text FROM pg_catalog.pg_attrdef AS a WHERE a.adrelid = n.relation OFFSET 0)
        UNION ALL
        (SELECT y.polqual::text, y.polwithcheck::text FROM pg_catalog.pg_policy AS y WHERE y.polrelid = n.relation OFFSET 0)
    ) AS e (expression, other)
    WHERE e.expression ~ $2::text OR e.other ~ $2::text
    LIMIT 1
)
