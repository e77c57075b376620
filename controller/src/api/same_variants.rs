//! Enums that the API has for its document, with the same variants as those that the core decides with.

/// Makes each of two enums from the other. A variant that only one of them has, or that is not listed, does not
/// compile.
macro_rules! same_variants {
    ($inner:ty, $answered:ty, [$($variant:ident),+ $(,)?]) => {
        impl From<$inner> for $answered {
            fn from(from: $inner) -> Self {
                match from {
                    $(<$inner>::$variant => Self::$variant,)+
                }
            }
        }

        impl From<$answered> for $inner {
            fn from(from: $answered) -> Self {
                match from {
                    $(<$answered>::$variant => Self::$variant,)+
                }
            }
        }
    };
}

pub(super) use same_variants;
