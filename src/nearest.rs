//! The name that somebody may have meant.

/// Nobody mistypes a longer name, in characters.
const LONGEST: usize = 100;
/// Of more candidates only the first are compared.
const MOST: usize = 500;

/// The candidate most like `word`, if one is like enough: letters of any case, with or without `-` and `_`; of
/// several the first by name.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let wanted = plain(word)?;
    let limit = (wanted.len() / 3).max(1);
    candidates
        .into_iter()
        .take(MOST)
        .filter(|candidate| !candidate.is_empty())
        .filter_map(|candidate| Some((distance(&wanted, &plain(candidate)?, limit)?, candidate)))
        .min()
        .map(|(_, candidate)| candidate)
}

/// What is compared of a name; nothing of one that is too long.
fn plain(text: &str) -> Option<Vec<char>> {
    if text.len() > 4 * LONGEST {
        return None;
    }
    let characters = text.chars().filter(|c| !matches!(c, '-' | '_'));
    let characters: Vec<char> = characters.flat_map(char::to_lowercase).collect();
    (characters.len() <= LONGEST).then_some(characters)
}

/// How many characters have to be put in, left out, changed or swapped with their neighbour to make one text of the
/// other; nothing if there are more than `limit`.
fn distance(left: &[char], right: &[char], limit: usize) -> Option<usize> {
    if left.len().abs_diff(right.len()) > limit {
        return None;
    }
    let far = limit + 1;
    let mut rows = [[far; LONGEST + 2]; 3];
    for (column, cell) in rows[0].iter_mut().enumerate().take(limit + 1) {
        *cell = column;
    }
    for (row, from) in left.iter().enumerate() {
        // Farther from the diagonal every cell is beyond the limit.
        let first = row.saturating_sub(limit);
        let last = (row + limit + 1).min(right.len());
        let [before, above, here] = [(row + 2) % 3, row % 3, (row + 1) % 3];
        rows[here][first] = if first == 0 { (row + 1).min(far) } else { far };
        rows[here][last + 1] = far;
        let mut least = rows[here][first];
        for column in first..last {
            let to = right[column];
            let mut cell = (rows[above][column] + usize::from(*from != to))
                .min(rows[above][column + 1] + 1)
                .min(rows[here][column] + 1);
            if row > 0 && column > 0 && *from == right[column - 1] && left[row - 1] == to {
                cell = cell.min(rows[before][column - 1] + 1);
            }
            rows[here][column + 1] = cell;
            least = least.min(cell);
        }
        if least > limit {
            return None;
        }
    }
    let distance = rows[left.len() % 3][right.len()];
    (distance <= limit).then_some(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_whole_table() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut roll = |below: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed >> 33).unwrap_or_default() % below
        };
        let mut near = 0;
        for _ in 0..20_000 {
            let text = |length: usize, roll: &mut dyn FnMut(usize) -> usize| -> String {
                (0..length).map(|_| ['a', 'b', 'c', 'ß'][roll(4)]).collect()
            };
            let (left, right) = (roll(9), roll(9));
            let (left, right) = (text(left, &mut roll), text(right, &mut roll));
            let limit = roll(5);
            let whole = strsim::osa_distance(&left, &right);
            let (a, b): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
            let expected = (whole <= limit).then_some(whole);
            near += usize::from(expected.is_some());
            assert_eq!(distance(&a, &b, limit), expected, "{left} {right} {limit}");
        }
        assert!(near > 1_000, "only {near} are near");
    }

    #[test]
    fn a_name_is_found_and_a_stranger_is_not() {
        let words = ["stages", "source", "on-failure"];
        assert_eq!(nearest("stagse", words), Some("stages"));
        assert_eq!(nearest("onFailure", words), Some("on-failure"));
        assert_eq!(nearest("banana", words), None);
        assert_eq!(nearest(&"s".repeat(1_000_000), words), None);
        assert_eq!(nearest("a", ["c", "b"]), Some("b"));
    }
}
