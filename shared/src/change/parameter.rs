//! A parameter of the server, set for all of its databases.

use serde::{Deserialize, Serialize};

use crate::parameter::is_plain;

/// The database that parameters are set from. They belong to none, and the lock that keeps two agents off each
/// other belongs to one.
pub const SETTINGS_DATABASE: &str = "postgres";

/// A parameter to set with ALTER SYSTEM and a reload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SetParameter {
    /// Its name.
    pub name: String,
    /// Its new value.
    pub value: String,
    /// The value in force when it was proposed.
    pub replaces: String,
    /// What an earlier ALTER SYSTEM set it to, and the undo sets it to again; `None`: the undo takes it out.
    pub before: Option<String>,
}

/// Why a parameter is never set, whoever approved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// It isn't the name of one of the server's own parameters.
    #[error("is no parameter of the server's own")]
    Name,
    /// The server would load or run something.
    #[error("lets the server load or run code")]
    Code,
    /// Nobody could get in any more, or the wrong people could.
    #[error("decides who gets in, and a mistake locks everybody out")]
    Access,
    /// Data could be lost, or be wrong.
    #[error("guards the data against loss or corruption")]
    Durability,
    /// What the change does could not be seen any more.
    #[error("is what changes are watched by")]
    Sight,
    /// The same statement would have another result.
    #[error("decides what statements mean and return")]
    Meaning,
}

/// What decides who gets in: whole names, or beginnings that end in an underscore.
const ACCESS: [&str; 25] = [
    "allow_alter_system",
    "allow_in_place_tablespaces",
    "allow_system_table_mods",
    "authentication_timeout",
    "bonjour",
    "data_directory_mode",
    "db_user_namespace",
    "default_transaction_",
    "gss_",
    "hot_standby",
    "krb_",
    "log_file_mode",
    "lo_compat_privileges",
    "password_encryption",
    "port",
    "post_auth_delay",
    "pre_auth_delay",
    "reserved_connections",
    "restrict_nonsystem_relation_kind",
    "row_security",
    "session_replication_role",
    "ssl",
    "ssl_",
    "superuser_reserved_connections",
    "unix_socket_",
];
/// What keeps the data.
const DURABILITY: [&str; 18] = [
    "autovacuum",
    "data_sync_retry",
    "exit_on_error",
    "fsync",
    "full_page_writes",
    "ignore_checksum_failure",
    "ignore_invalid_pages",
    "ignore_system_indexes",
    "max_slot_wal_keep_size",
    "idle_replication_slot_timeout",
    "recovery_",
    "remove_temp_files_after_crash",
    "restart_after_crash",
    "synchronous_commit",
    "sync_replication_slots",
    "wal_level",
    "wal_sync_method",
    "zero_damaged_pages",
];
/// What loads or runs something, or writes where it is told.
const CODE: [&str; 6] = [
    "dynamic_library_path",
    "extension_control_path",
    "jit_dump_bitcode",
    "jit_provider",
    "debug_",
    "trace_",
];
/// What the statistics are made of.
const SIGHT: [&str; 3] = ["track_", "compute_query_id", "stats_fetch_consistency"];

/// What changes results, not their speed.
const MEANING: [&str; 15] = [
    "array_nulls",
    "backslash_quote",
    "bytea_output",
    "check_function_bodies",
    "client_min_messages",
    "escape_string_warning",
    "event_triggers",
    "extra_float_digits",
    "gin_fuzzy_search_limit",
    "intervalstyle",
    "quote_all_identifiers",
    "standard_conforming_strings",
    "transform_null_equals",
    "xmlbinary",
    "xmloption",
];

/// Why the parameter of this name is never set; `None` if it may be, where the host allows it. What a parameter that
/// takes text may do can't be told from its name: those are never set either, which the server's own catalogue tells.
pub fn forbidden(name: &str) -> Option<Forbidden> {
    let is_name = !name.is_empty()
        && name.len() <= 63
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if !is_name {
        return Some(Forbidden::Name);
    }
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let is_in = |list: &[&str]| {
        list.iter().any(|entry| if entry.ends_with('_') { name.starts_with(entry) } else { name == *entry })
    };
    if is_in(&CODE) || ends(&["_command", "_library", "_libraries"]) {
        Some(Forbidden::Code)
    } else if is_in(&ACCESS) || ends(&["_file", "_directory", "_directories", "_conninfo", "_addresses"]) {
        Some(Forbidden::Access)
    } else if is_in(&DURABILITY) {
        Some(Forbidden::Durability)
    } else if is_in(&SIGHT) {
        Some(Forbidden::Sight)
    } else if is_in(&MEANING) {
        Some(Forbidden::Meaning)
    } else {
        None
    }
}

impl SetParameter {
    /// Why the change is none that may ever be made, if it isn't.
    pub fn check(&self) -> Result<(), String> {
        if let Some(why) = forbidden(&self.name) {
            return Err(format!("{} {why}: it is never set from here", self.name));
        }
        // What it replaces is read by whoever approves.
        let values = [Some(&self.value), Some(&self.replaces), self.before.as_ref()];
        let mut values = values.into_iter().flatten();
        match values.find(|value| !is_plain(value)) {
            Some(value) => {
                Err(format!("{value:?} is neither a number nor a word: {} is not set to it", self.name))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_code_locks_out_or_loses_data_is_never_set() {
        for (name, why) in [
            ("shared_preload_libraries", Forbidden::Code),
            ("session_preload_libraries", Forbidden::Code),
            ("archive_command", Forbidden::Code),
            ("archive_library", Forbidden::Code),
            ("restore_command", Forbidden::Code),
            ("archive_cleanup_command", Forbidden::Code),
            ("recovery_end_command", Forbidden::Code),
            ("ssl_passphrase_command", Forbidden::Code),
            ("dynamic_library_path", Forbidden::Code),
            ("hba_file", Forbidden::Access),
            ("ssl_cert_file", Forbidden::Access),
            ("log_directory", Forbidden::Access),
            ("data_directory", Forbidden::Access),
            ("listen_addresses", Forbidden::Access),
            ("primary_conninfo", Forbidden::Access),
            ("port", Forbidden::Access),
            ("ssl", Forbidden::Access),
            ("default_transaction_read_only", Forbidden::Access),
            ("fsync", Forbidden::Durability),
            ("full_page_writes", Forbidden::Durability),
            ("synchronous_commit", Forbidden::Durability),
            ("autovacuum", Forbidden::Durability),
            ("track_counts", Forbidden::Sight),
            ("standard_conforming_strings", Forbidden::Meaning),
            ("plperl.on_init", Forbidden::Name),
            ("Work_Mem", Forbidden::Name),
            ("work_mem = '1'; --", Forbidden::Name),
            ("", Forbidden::Name),
        ] {
            assert_eq!(forbidden(name), Some(why), "{name}");
        }
        for name in ["work_mem", "random_page_cost", "jit", "autovacuum_vacuum_scale_factor", "max_wal_size"]
        {
            assert_eq!(forbidden(name), None, "{name}");
        }
    }

    #[test]
    fn a_change_is_of_plain_values() {
        let good = SetParameter {
            name: "work_mem".into(),
            value: "64MB".into(),
            replaces: "4MB".into(),
            before: Some("4MB".into()),
        };
        assert_eq!(good.check(), Ok(()));
        let odd = SetParameter { value: "64MB'".into(), ..good.clone() };
        assert!(odd.check().unwrap_err().contains("neither a number nor a word"));
        let odd = SetParameter { before: Some("a b".into()), ..good.clone() };
        assert!(odd.check().is_err());
        let odd = SetParameter { replaces: "4MB. Nobody minds".into(), ..good.clone() };
        assert!(odd.check().is_err());
        let never = SetParameter { name: "archive_command".into(), ..good };
        assert!(never.check().unwrap_err().contains("lets the server load or run code"));
    }
}
