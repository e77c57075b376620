//! The shop's steady workload: which statements, how often.
//!
//! The rates leave half of a two-core machine free before anything is fixed: about 0.6 of a core in all, most of
//! it for the slow statements.

use super::parameters::Parameter;

/// One statement text, as it appears in pg_stat_statements.
#[derive(Clone, Copy, Debug)]
pub struct Statement {
    /// Its name in reports.
    pub name: &'static str,
    /// Its text.
    pub sql: &'static str,
    /// What its placeholders stand for, in order.
    pub parameters: &'static [Parameter],
}

/// What one connection does at a steady rate: a statement, or several in one transaction.
#[derive(Clone, Copy, Debug)]
pub struct Activity {
    /// How often it is due.
    pub per_second: f64,
    /// One statement, or the statements of a transaction.
    pub statements: &'static [Statement],
}

macro_rules! statement {
    ($name:literal) => { statement!($name,) };
    ($name:literal, $($parameter:ident),*) => {
        Statement {
            name: $name,
            sql: include_str!(concat!("sql/workload/", $name, ".sql")).trim_ascii_end(),
            parameters: &[$(Parameter::$parameter),*],
        }
    };
}

/// Everything that goes on in the shop.
pub const WORKLOAD: &[Activity] = &[
    // Planted: no index on orders (warehouse_id, status).
    Activity { per_second: 3.5, statements: &[statement!("warehouse_queue", Warehouse, Status)] },
    // Planted: the planner believes that a delivery is one row.
    Activity { per_second: 0.2, statements: &[statement!("price_changes", Delivery, Delivery)] },
    // Planted: slow, and as good as it gets.
    Activity { per_second: 0.2, statements: &[statement!("sales_by_product")] },
    // Fast until `querysmith-shop break` drops the index on order_items (order_id).
    Activity { per_second: 2.0, statements: &[statement!("order_lines", Order)] },
    // Fast reads.
    Activity { per_second: 20.0, statements: &[statement!("product_by_sku", Sku)] },
    Activity { per_second: 10.0, statements: &[statement!("product_reviews", Product)] },
    Activity { per_second: 10.0, statements: &[statement!("order_head", Order)] },
    Activity { per_second: 8.0, statements: &[statement!("customer_by_email", Email)] },
    Activity { per_second: 4.0, statements: &[statement!("customer_orders", Customer)] },
    Activity { per_second: 0.5, statements: &[statement!("customer_totals", Customer)] },
    Activity { per_second: 5.0, statements: &[statement!("category_page", Category)] },
    Activity { per_second: 5.0, statements: &[statement!("payment_of_order", Order)] },
    Activity { per_second: 1.0, statements: &[statement!("latest_orders")] },
    // Writes.
    Activity { per_second: 10.0, statements: &[statement!("session_touch", Session)] },
    Activity { per_second: 2.0, statements: &[statement!("session_start", Customer)] },
    Activity {
        per_second: 3.0,
        statements: &[
            statement!("order_insert", Customer, Warehouse, Amount),
            statement!("order_items_insert", Product, Quantity, Price, Product, Quantity, Price),
            statement!("payment_insert", Amount),
        ],
    },
    Activity { per_second: 3.0, statements: &[statement!("order_status_update", Order, Status)] },
    Activity { per_second: 3.0, statements: &[statement!("stock_take", Product, Quantity)] },
    Activity { per_second: 1.0, statements: &[statement!("review_insert", Product, Customer, Rating)] },
];

/// The names of all statements, in the order of the workload.
pub fn statement_names() -> Vec<&'static str> {
    WORKLOAD.iter().flat_map(|activity| activity.statements).map(|statement| statement.name).collect()
}
