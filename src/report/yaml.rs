//! Values as YAML that every reader takes the same way.

use serde::Serialize;

/// The text of a value: block style, long lines kept, whatever YAML 1.1 would misread quoted.
pub fn text(value: &impl Serialize) -> String {
    let options = serde_saphyr::ser_options! {
        prefer_block_scalars: false,
        compact_list_indent: true,
    };
    serde_saphyr::to_string_with_options(value, options).expect("output values serialise")
}
