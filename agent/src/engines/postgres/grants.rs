//! The SQL that makes the agent's two roles: one that reads, with as little as it needs, and one that changes.
//! Pure; what it prints can be run again and again, in one go, by a superuser or a managed service's administrator.

use querysmith_shared::change::parameter::SETTINGS_DATABASE;
use querysmith_shared::dialect::identifier::{BadName, postgres as quote, postgres_string as quote_string};

/// Connections that the reading role may hold: the agent's two, one that is just being replaced, one `check`.
const READ_CONNECTIONS: u32 = 4;
/// Connections that the changing role may hold: a change, its watcher, and a second change.
const APPLY_CONNECTIONS: u32 = 6;

/// The roles to make, and where.
#[derive(Debug, Clone)]
pub(crate) struct Roles {
    /// The role that reads.
    pub(crate) read: String,
    /// The role that changes, if changes shall be possible.
    pub(crate) apply: Option<String>,
    /// Databases that are watched; `*` stands for all and grants none, as everybody may connect by default.
    pub(crate) databases: Vec<String>,
    /// Parameters that the changing role may set.
    pub(crate) parameters: Vec<String>,
}

/// The statements.
pub(crate) fn sql(roles: &Roles) -> Result<String, BadName> {
    let mut out = String::new();
    out.push_str("-- The role that reads. Give it a password, or let pg_hba.conf identify it.\n");
    out.push_str(&role(&roles.read, READ_CONNECTIONS)?);
    out.push_str(&read_settings(&roles.read)?);
    out.push_str(&connect(&roles.read, &roles.databases)?);
    if let Some(apply) = &roles.apply {
        out.push_str("\n-- The role that carries out approved changes, and only those that the agent's allow-list lets it.\n");
        out.push_str(&role(apply, APPLY_CONNECTIONS)?);
        out.push_str(&format!("GRANT pg_monitor TO {};\n", quote(apply)?));
        out.push_str(&optional(&[unseen(apply)?]));
        out.push_str(&connect(apply, &roles.databases)?);
        out.push_str(&parameters(apply, &roles.parameters)?);
    }
    out.push_str("\n-- From here on: once in each watched database.\n");
    out.push_str("CREATE EXTENSION IF NOT EXISTS pg_stat_statements;\n");
    out.push_str(&format!(
        "-- Before version 14 there is no pg_read_all_data; then only what exists now can be read.\n\
         DO $querysmith$\nDECLARE\n    found record;\nBEGIN\n    \
         IF pg_catalog.current_setting('server_version_num')::int4 < 140000 THEN\n        \
         FOR found IN\n            SELECT n.nspname FROM pg_catalog.pg_namespace AS n\n            \
         WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'\n        LOOP\n            \
         EXECUTE pg_catalog.format('GRANT USAGE ON SCHEMA %I TO %I', found.nspname, {read});\n            \
         EXECUTE pg_catalog.format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I', found.nspname, {read});\n        \
         END LOOP;\n    END IF;\nEND\n$querysmith$;\n",
        read = quote_string(&roles.read)?,
    ));
    if let Some(apply) = &roles.apply {
        out.push_str(&ownership(apply)?);
    }
    Ok(out)
}

fn role(name: &str, connections: u32) -> Result<String, BadName> {
    let quoted = quote(name)?;
    Ok(format!(
        "DO $querysmith$\nBEGIN\n    \
         IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = {}) THEN\n        \
         CREATE ROLE {quoted} LOGIN;\n    END IF;\nEND\n$querysmith$;\n\
         ALTER ROLE {quoted} NOCREATEDB NOCREATEROLE CONNECTION LIMIT {connections};\n",
        quote_string(name)?,
    ))
}

fn read_settings(name: &str) -> Result<String, BadName> {
    let quoted = quote(name)?;
    let mut out = String::new();
    for (setting, value) in [
        ("default_transaction_read_only", "on"),
        ("statement_timeout", "'30s'"),
        ("lock_timeout", "'100ms'"),
        ("idle_in_transaction_session_timeout", "'15s'"),
    ] {
        out.push_str(&format!("ALTER ROLE {quoted} SET {setting} = {value};\n"));
    }
    out.push_str(&format!("GRANT pg_monitor TO {quoted};\n"));
    out.push_str(
        "-- The next three are the best that can be had: a managed service may refuse some of them.\n\
         -- Reading all tables is what planning a statement and reading column statistics takes.\n",
    );
    out.push_str(&optional(&[
        format!("GRANT pg_read_all_data TO {quoted}"),
        unseen(name)?,
        format!("ALTER ROLE {quoted} SET temp_file_limit = '64MB'"),
    ]));
    Ok(out)
}

/// What the role runs is no workload.
fn unseen(name: &str) -> Result<String, BadName> {
    Ok(format!("ALTER ROLE {} SET pg_stat_statements.track = 'none'", quote(name)?))
}

/// Statements that may fail without harm, each on its own.
fn optional(statements: &[String]) -> String {
    let blocks: Vec<String> = statements
        .iter()
        .map(|statement| {
            format!(
                "    BEGIN\n        {statement};\n    EXCEPTION WHEN OTHERS THEN\n        \
                 RAISE NOTICE 'not done: %', SQLERRM;\n    END;\n"
            )
        })
        .collect();
    format!("DO $querysmith$\nBEGIN\n{}END\n$querysmith$;\n", blocks.concat())
}

fn connect(role: &str, databases: &[String]) -> Result<String, BadName> {
    let mut out = String::new();
    for database in databases.iter().filter(|database| *database != "*") {
        out.push_str(&format!("GRANT CONNECT ON DATABASE {} TO {};\n", quote(database)?, quote(role)?));
    }
    Ok(out)
}

/// A parameter can be set by whoever may set just this one, and only where a reload can be seen to take nothing else.
/// What may be seen is each database's own, and parameters are set from one.
fn parameters(apply: &str, names: &[String]) -> Result<String, BadName> {
    if names.is_empty() {
        return Ok(String::new());
    }
    let listed = names.iter().map(|name| quote_string(name)).collect::<Result<Vec<_>, _>>()?.join(", ");
    Ok(format!(
        "-- The parameters that the allow-list names; they are set from the database {SETTINGS_DATABASE}. Before version \
         15 only a superuser can set any.\n\
         DO $querysmith$\nDECLARE\n    parameter text;\n    role text := {role};\nBEGIN\n    \
         IF pg_catalog.current_setting('server_version_num')::int4 >= 150000 THEN\n        \
         FOREACH parameter IN ARRAY ARRAY[{listed}] LOOP\n            \
         EXECUTE pg_catalog.format('GRANT ALTER SYSTEM ON PARAMETER %I TO %I', parameter, role);\n        \
         END LOOP;\n    END IF;\n    \
         IF pg_catalog.current_database() = {database} THEN\n        \
         EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I', pg_catalog.current_database(), role);\n        \
         EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf(), \
         pg_catalog.pg_show_all_file_settings() TO %I', role);\n        \
         EXECUTE pg_catalog.format('GRANT SELECT ON pg_catalog.pg_file_settings TO %I', role);\n    \
         ELSE\n        \
         RAISE NOTICE 'parameters are set from the database %: run this there too', {database};\n    \
         END IF;\nEND\n$querysmith$;\n",
        role = quote_string(apply)?,
        database = quote_string(SETTINGS_DATABASE)?,
    ))
}

/// An index can be built only by the owner of its table, or a member of the owner; and the owner must be allowed
/// to create in the schema. Since version 16 membership can mean no more than becoming the owner for a statement.
fn ownership(apply: &str) -> Result<String, BadName> {
    let role = quote_string(apply)?;
    Ok(format!(
        "-- An index can be built only by its table's owner or a member of it. Owners that may do far more than own\n\
         -- tables, by themselves or by a role that they are a member of, are left out and named: let another role own\n\
         -- their tables. From version 16 on the role has an owner's rights only while it acts as the owner.\n\
         DO $querysmith$\nDECLARE\n    found record;\n    how text := '';\nBEGIN\n    \
         IF pg_catalog.current_setting('server_version_num')::int4 >= 160000 THEN\n        \
         how := ' WITH INHERIT FALSE, SET TRUE';\n    END IF;\n    FOR found IN\n        \
         SELECT DISTINCT o.rolname, n.nspname,\n            \
         pg_catalog.has_schema_privilege(o.oid, n.oid, 'CREATE') AS may_create,\n            \
         ({POWER}) AS power\n        \
         FROM pg_catalog.pg_class AS c\n        \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace\n        \
         JOIN pg_catalog.pg_roles AS o ON o.oid = c.relowner\n        \
         WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence = 'p' AND o.rolname <> {role}\n            \
         AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'\n    LOOP\n        \
         IF found.power IS NOT NULL THEN\n            \
         RAISE NOTICE 'left out: the tables of % in schema %, as that role has the power of % (superuser, CREATEROLE, \
         REPLICATION, BYPASSRLS or a role of the system); let another role own them', \
         found.rolname, found.nspname, found.power;\n        ELSE\n            \
         EXECUTE pg_catalog.format('GRANT %I TO %I', found.rolname, {role}) || how;\n            \
         IF NOT found.may_create THEN\n                \
         EXECUTE pg_catalog.format('GRANT CREATE ON SCHEMA %I TO %I', found.nspname, found.rolname);\n            \
         END IF;\n        END IF;\n    END LOOP;\nEND\n$querysmith$;\n"
    ))
}

/// The first role whose power an owner `o` has beyond owning tables, itself first; null if there is none. What
/// `pg_monitor` may the changing role may as well, and every owner of a database is of `pg_database_owner`.
/// `sql/foreign_owners.sql` asks the same.
const POWER: &str = "\
    SELECT r.rolname::text FROM pg_catalog.pg_roles AS r
            WHERE pg_catalog.pg_has_role(o.oid, r.oid, 'MEMBER')
                AND (r.rolsuper OR r.rolcreaterole OR r.rolreplication OR r.rolbypassrls
                    OR r.rolname LIKE 'pg\\_%' AND (r.oid = o.oid OR r.rolname NOT IN ('pg_monitor', 'pg_database_owner',
                        'pg_read_all_settings', 'pg_read_all_stats', 'pg_stat_scan_tables')))
            ORDER BY r.oid <> o.oid, r.rolname
            LIMIT 1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_wherever_they_stand() {
        let roles = Roles {
            read: "re'ad\"er".into(),
            apply: Some("writer".into()),
            databases: vec!["*".into(), "my shop".into()],
            parameters: vec!["work_mem".into()],
        };
        let sql = sql(&roles).unwrap();
        assert!(sql.contains("CREATE ROLE \"re'ad\"\"er\" LOGIN"), "{sql}");
        assert!(sql.contains("r.rolname = 're''ad\"er'"), "{sql}");
        assert!(sql.contains("GRANT CONNECT ON DATABASE \"my shop\" TO \"writer\""), "{sql}");
        assert!(!sql.contains("DATABASE \"*\""), "{sql}");
        assert!(sql.contains("ARRAY['work_mem'] LOOP"), "{sql}");
    }

    #[test]
    fn without_a_changing_role_nothing_can_be_changed() {
        let parameters = vec!["work_mem".into()];
        let roles = Roles { read: "r".into(), apply: None, databases: Vec::new(), parameters };
        let sql = sql(&roles).unwrap();
        assert!(!sql.contains("GRANT %I") && !sql.contains("pg_reload_conf"), "{sql}");
        assert!(sql.contains("SET default_transaction_read_only = on"), "{sql}");
    }
}
