//! Whether statistics beyond the usual ones may be gathered, and what there is of them.

use querysmith_shared::change::statistics::{CreateStatistics, SetStatisticsTarget};
use querysmith_shared::timestamp::Timestamp;

use super::{KindOfPreImage, PreImage, TablePreImage, check_rights, number_of};
use crate::apply::facts::{StatisticsFacts, TableFacts};
use crate::apply::seen::Object;

pub(super) fn survey_create(create: &CreateStatistics, table: &TableFacts) -> Result<KindOfPreImage, String> {
    check_rights("gather statistics about", &create.table, table)?;
    let columns = numbers(create, table)?;
    if named(create, table).is_some() {
        return Err(format!("there are statistics {} already, not made by this change", create.name));
    }
    let does_the_work = |other: &&StatisticsFacts| {
        other.table_oid == table.oid
            && other.whole
            && columns.iter().all(|column| other.columns.contains(column))
    };
    if let Some(other) = table.statistics.iter().find(does_the_work) {
        return Err(format!("statistics {} do that already: {}", other.name, other.definition));
    }
    Ok(KindOfPreImage::NoExtendedStatistics { columns, last_analyze: table.last_analyze })
}

pub(super) fn survey_target(set: &SetStatisticsTarget, table: &TableFacts) -> Result<KindOfPreImage, String> {
    check_rights("alter columns of", &set.table, table)?;
    let column = number_of(table, &set.column)?;
    let now = target_of(table, column);
    if now == Some(set.target.into()) {
        return Err(format!("the statistics target of {} is {} already", set.column, set.target));
    }
    if now != set.before.map(i32::from) {
        return Err(format!(
            "the statistics target of {} is {} by now, and was {} when the change was proposed: have it proposed anew",
            set.column,
            in_words(now),
            in_words(set.before.map(i32::from))
        ));
    }
    Ok(KindOfPreImage::StatisticsTarget { column, target: now, last_analyze: table.last_analyze })
}

/// What there is of the statistics that a change with this pre-image creates.
pub fn created(create: &CreateStatistics, pre_image: &PreImage, table: &TableFacts) -> Object {
    let PreImage::Table(TablePreImage {
        table_oid,
        kind: KindOfPreImage::NoExtendedStatistics { columns, last_analyze },
        ..
    }) = pre_image
    else {
        return Object::Before;
    };
    let Some(found) = named(create, table) else { return Object::Before };
    let is_ours = found.table_oid == *table_oid
        && found.whole
        && found.columns.len() == columns.len()
        && columns.iter().all(|column| found.columns.contains(column));
    match (is_ours, is_newer(table, *last_analyze)) {
        (false, _) => Object::Foreign(format!("other statistics of the name {}", create.name)),
        (true, false) => Object::Partial,
        (true, true) => Object::After(format!("{}, gathered", found.definition)),
    }
}

/// What there is of the target that a change with this pre-image sets.
pub fn targeted(set: &SetStatisticsTarget, pre_image: &PreImage, table: &TableFacts) -> Object {
    let PreImage::Table(TablePreImage {
        kind: KindOfPreImage::StatisticsTarget { column, target, last_analyze },
        ..
    }) = pre_image
    else {
        return Object::Before;
    };
    let now = target_of(table, *column);
    if now == Some(set.target.into()) {
        return match is_newer(table, *last_analyze) {
            true => {
                Object::After(format!("the statistics target of {} is {}, gathered", set.column, set.target))
            }
            false => Object::Partial,
        };
    }
    match now == *target {
        true => Object::Before,
        false => Object::Foreign(format!("a statistics target of {} for {}", in_words(now), set.column)),
    }
}

fn named<'t>(create: &CreateStatistics, table: &'t TableFacts) -> Option<&'t StatisticsFacts> {
    let is_it = |other: &&StatisticsFacts| other.schema == create.table.schema && other.name == create.name;
    table.statistics.iter().find(is_it)
}

fn numbers(create: &CreateStatistics, table: &TableFacts) -> Result<Vec<i16>, String> {
    create.columns.iter().map(|column| number_of(table, column)).collect()
}

fn target_of(table: &TableFacts, column: i16) -> Option<i32> {
    table.columns.iter().find(|facts| facts.number == column).and_then(|facts| facts.target)
}

fn is_newer(table: &TableFacts, than: Option<Timestamp>) -> bool {
    table.last_analyze > than
}

fn in_words(target: Option<i32>) -> String {
    target.map_or_else(|| "the server's default".to_owned(), |target| target.to_string())
}

#[cfg(test)]
mod tests {
    use querysmith_shared::change::TableName;

    use super::*;
    use crate::apply::facts::ColumnFacts;

    const EARLIER: Option<Timestamp> = Some(Timestamp(1));
    const LATER: Option<Timestamp> = Some(Timestamp(2));

    fn statistics(name: &str, columns: &[i16]) -> StatisticsFacts {
        StatisticsFacts {
            schema: "public".into(),
            name: name.into(),
            table_oid: 5,
            columns: columns.to_vec(),
            whole: true,
            definition: format!("CREATE STATISTICS {name}"),
        }
    }

    fn table() -> TableFacts {
        let column = |number, name: &str| ColumnFacts { number, name: name.into(), width: 8, target: None };
        TableFacts {
            columns: vec![column(1, "city"), column(2, "zip"), column(3, "note")],
            last_analyze: EARLIER,
            ..crate::apply::ground::tests::table()
        }
    }

    fn name() -> TableName {
        TableName { schema: "public".into(), name: "orders".into() }
    }

    fn create(columns: &[&str]) -> CreateStatistics {
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        CreateStatistics { database: "shop".into(), table: name(), name: "qs_x".into(), columns }
    }

    fn set(target: u16, before: Option<u16>) -> SetStatisticsTarget {
        SetStatisticsTarget { database: "shop".into(), table: name(), column: "city".into(), target, before }
    }

    fn with(statistics: Vec<StatisticsFacts>, last_analyze: Option<Timestamp>) -> TableFacts {
        TableFacts { statistics, last_analyze, ..table() }
    }

    fn targeting(target: Option<i32>, last_analyze: Option<Timestamp>) -> TableFacts {
        let mut table = TableFacts { last_analyze, ..table() };
        table.columns[0].target = target;
        table
    }

    fn of(kind: KindOfPreImage) -> PreImage {
        PreImage::Table(TablePreImage { table_oid: 5, rows: Some(10), bytes: 8_192, kind })
    }

    #[test]
    fn what_speaks_against_statistics_is_said() {
        let wanted = create(&["city", "zip"]);
        let refused = |create: &CreateStatistics, table: &TableFacts, expected: &str| {
            let reason = survey_create(create, table).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        };
        assert!(survey_create(&wanted, &table()).is_ok());
        refused(&create(&["city", "colour"]), &table(), "no column colour");
        refused(
            &wanted,
            &with(vec![statistics("qs_x", &[1, 2])], EARLIER),
            "already, not made by this change",
        );
        refused(
            &wanted,
            &with(vec![statistics("mine", &[1, 2, 3])], EARLIER),
            "statistics mine do that already",
        );
        let partly = StatisticsFacts { whole: false, ..statistics("mine", &[1, 2]) };
        assert!(survey_create(&wanted, &with(vec![partly], EARLIER)).is_ok());
        refused(&wanted, &TableFacts { may_index: false, ..table() }, "may not gather statistics about");
        refused(&wanted, &TableFacts { may_create: false, ..table() }, "GRANT CREATE ON SCHEMA");
    }

    #[test]
    fn what_speaks_against_a_target_is_said() {
        let refused = |set: &SetStatisticsTarget, table: &TableFacts, expected: &str| {
            let reason = survey_target(set, table).unwrap_err();
            assert!(reason.contains(expected), "{reason}");
        };
        assert!(survey_target(&set(500, None), &table()).is_ok());
        refused(&set(500, None), &targeting(Some(500), EARLIER), "is 500 already");
        refused(
            &set(500, None),
            &targeting(Some(200), EARLIER),
            "is 200 by now, and was the server's default",
        );
        refused(&set(500, Some(200)), &table(), "is the server's default by now, and was 200");
    }

    #[test]
    fn what_is_not_gathered_yet_is_half_of_it() {
        let wanted = create(&["city", "zip"]);
        let before = of(survey_create(&wanted, &table()).unwrap());
        let ours = || vec![statistics("qs_x", &[1, 2])];
        assert_eq!(created(&wanted, &before, &table()), Object::Before);
        assert_eq!(created(&wanted, &before, &with(ours(), EARLIER)), Object::Partial);
        assert!(matches!(created(&wanted, &before, &with(ours(), LATER)), Object::After(_)));
        let others = with(vec![statistics("qs_x", &[1, 3])], LATER);
        assert!(matches!(created(&wanted, &before, &others), Object::Foreign(_)));

        let wanted = set(500, None);
        let before = of(survey_target(&wanted, &table()).unwrap());
        let is = |target, last_analyze| targeted(&wanted, &before, &targeting(target, last_analyze));
        assert_eq!(is(None, LATER), Object::Before);
        assert_eq!(is(Some(500), EARLIER), Object::Partial);
        assert!(matches!(is(Some(500), LATER), Object::After(_)));
        assert!(matches!(is(Some(300), LATER), Object::Foreign(_)));
    }
}
