//! PostgreSQL's binary COPY format, for the columns the product copies.

/// What a binary COPY begins with: signature, flags, and no extension.
const HEADER: [u8; 19] = *b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// Microseconds from 1970 to 2000, where PostgreSQL's clock begins.
const EPOCH_2000: i64 = 946_684_800_000_000;

/// Rows as the bytes of a binary COPY.
#[derive(Debug)]
pub struct Rows {
    bytes: Vec<u8>,
    columns: i16,
}

impl Rows {
    /// No row yet, each of `columns` columns; `expected` rows of fixed-size values are made room for.
    pub fn new(columns: i16, expected: usize) -> Self {
        let row_bytes = 2 + usize::try_from(columns).unwrap_or(0) * 12 + 8;
        let mut bytes = Vec::with_capacity(HEADER.len() + expected * row_bytes + 2);
        bytes.extend_from_slice(&HEADER);
        Self { bytes, columns }
    }

    /// Begins the next row.
    pub fn row(&mut self) -> &mut Self {
        self.bytes.extend_from_slice(&self.columns.to_be_bytes());
        self
    }

    /// A `uuid`.
    pub fn uuid(&mut self, value: uuid::Uuid) -> &mut Self {
        self.field(value.as_bytes())
    }

    /// A `bigint`.
    pub fn bigint(&mut self, value: i64) -> &mut Self {
        self.field(&value.to_be_bytes())
    }

    /// A `double precision`.
    pub fn double(&mut self, value: f64) -> &mut Self {
        self.field(&value.to_be_bytes())
    }

    /// A `timestamptz`, from microseconds since 1970.
    pub fn timestamptz(&mut self, micros: i64) -> &mut Self {
        self.field(&micros.saturating_sub(EPOCH_2000).to_be_bytes())
    }

    /// The bytes, with the trailer.
    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&(-1_i16).to_be_bytes());
        self.bytes
    }

    fn field<const BYTES: usize>(&mut self, value: &[u8; BYTES]) -> &mut Self {
        let length = i32::try_from(BYTES).expect("fields are at most 16 bytes long");
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        self
    }
}
