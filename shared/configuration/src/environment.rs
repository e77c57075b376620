//! Values from environment variables: the program's prefix and the key's path in capitals, joined by `_`.
//! A section of a list is said by its number: `…_INSTANCE_0_URL` is the `url` of the first `[[instance]]`.

use toml::{Table, Value};

use crate::error::ConfigError;
use crate::nearest::nearest;
use crate::schema::Schema;

/// One key of a value's path.
#[derive(Debug, Clone)]
struct Step {
    key: String,
    /// Whether the key has a list of sections, so that a number must follow.
    is_list: bool,
}

/// Where one value is, and a value of its type.
struct Leaf {
    path: Vec<Step>,
    sample: Value,
}

/// What one variable says.
struct Assignment {
    name: String,
    path: Vec<Step>,
    /// The numbers of the list sections on the path, in its order.
    numbers: Vec<usize>,
    value: Value,
}

/// Puts the variables over what the file says. Sections may be added behind the last one of a list.
pub(crate) fn apply(
    table: &mut Table,
    schema: &Schema,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    for assignment in assignments(schema, environment)? {
        put(table, assignment)?;
    }
    Ok(())
}

/// What the variables say, in the order of the sections that they may add.
fn assignments(
    schema: &Schema,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<Assignment>, ConfigError> {
    let is_ours =
        |name: &str| name.starts_with(schema.prefix) && !schema.for_the_command_line.contains(&name);
    let mut variables: Vec<(String, String)> =
        environment.into_iter().filter(|(name, _)| is_ours(name)).collect();
    variables.sort();
    let mut known = Vec::new();
    leaves(&schema.known, &mut Vec::new(), &mut known);
    let read = |(name, text)| assignment(schema.prefix, &known, name, text);
    let mut assignments = variables.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    // By name, INSTANCE_10 comes before INSTANCE_2.
    assignments.sort_by(|a, b| a.numbers.cmp(&b.numbers));
    Ok(assignments)
}

fn leaves(table: &Table, path: &mut Vec<Step>, found: &mut Vec<Leaf>) {
    for (key, value) in table {
        let section = match value {
            Value::Table(table) => Some((table, false)),
            Value::Array(items) => items.first().and_then(Value::as_table).map(|table| (table, true)),
            _ => None,
        };
        path.push(Step { key: key.clone(), is_list: section.is_some_and(|(_, is_list)| is_list) });
        match section {
            Some((table, _)) => leaves(table, path, found),
            None => found.push(Leaf { path: path.clone(), sample: value.clone() }),
        }
        path.pop();
    }
}

fn assignment(prefix: &str, known: &[Leaf], name: String, text: String) -> Result<Assignment, ConfigError> {
    let said = &name[prefix.len()..];
    let found = known.iter().find_map(|leaf| Some((leaf, numbers(&leaf.path, said)?)));
    let Some((leaf, numbers)) = found else {
        let number = said.split('_').find_map(|part| part.parse().ok()).unwrap_or(0);
        let names: Vec<String> =
            known.iter().map(|leaf| format!("{prefix}{}", variable(&leaf.path, number))).collect();
        let nearest = nearest(&name, names.iter().map(String::as_str));
        return Err(ConfigError::UnknownVariable { name, nearest });
    };
    match parse(&text, &leaf.sample) {
        Ok(value) => Ok(Assignment { name, path: leaf.path.clone(), numbers, value }),
        Err(expected) => Err(ConfigError::BadVariable { name, expected }),
    }
}

/// The numbers in `said` if it is the variable of `path`.
fn numbers(path: &[Step], said: &str) -> Option<Vec<usize>> {
    let mut numbers = Vec::new();
    let mut rest = said;
    for (depth, step) in path.iter().enumerate() {
        if depth > 0 {
            rest = rest.strip_prefix('_')?;
        }
        rest = rest.strip_prefix(step.key.to_uppercase().as_str())?;
        if step.is_list {
            let after = rest.strip_prefix('_')?;
            let end = after.find('_')?;
            numbers.push(after[..end].parse().ok()?);
            rest = &after[end..];
        }
    }
    rest.is_empty().then_some(numbers)
}

/// The variable of `path`, without its prefix.
fn variable(path: &[Step], number: usize) -> String {
    let part = |step: &Step| match step.is_list {
        true => format!("{}_{number}", step.key.to_uppercase()),
        false => step.key.to_uppercase(),
    };
    path.iter().map(part).collect::<Vec<_>>().join("_")
}

fn put(table: &mut Table, assignment: Assignment) -> Result<(), ConfigError> {
    let Assignment { name, path, numbers, value } = assignment;
    let (last, sections) = path.split_last().expect("every value has a name");
    let mut numbers = numbers.into_iter();
    let mut place = table;
    for Step { key, is_list } in sections {
        let empty = match is_list {
            true => Value::Array(Vec::new()),
            false => Value::Table(Table::new()),
        };
        place = match place.entry(key.clone()).or_insert(empty) {
            Value::Table(table) => table,
            Value::Array(items) => {
                let number = numbers.next().unwrap_or(0);
                if number == items.len() {
                    items.push(Value::Table(Table::new()));
                }
                match items.get_mut(number) {
                    Some(Value::Table(table)) => table,
                    _ => return Err(ConfigError::Invalid(format!("{name}: there is no {key} {number}"))),
                }
            }
            _ => return Err(ConfigError::Invalid(format!("{name}: `{key}` is no section"))),
        };
    }
    place.insert(last.key.clone(), value);
    Ok(())
}

fn parse(text: &str, sample: &Value) -> Result<Value, &'static str> {
    match sample {
        Value::Integer(_) => text.parse().map(Value::Integer).map_err(|_| "a whole number"),
        Value::Float(_) => text.parse().map(Value::Float).map_err(|_| "a number"),
        Value::Boolean(_) => text.parse().map(Value::Boolean).map_err(|_| "true or false"),
        Value::Array(_) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(|item| Value::String(item.to_owned())).collect()))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}
