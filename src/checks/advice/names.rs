//! Names as the words they are made of.

/// The words of a name in lower case: `DeployOnProd`, `deploy-on-prod` and `DEPLOY_ON_PROD` are the same.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let characters: Vec<char> = name.chars().collect();
    for (at, &c) in characters.iter().enumerate() {
        if !c.is_alphanumeric() {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
            continue;
        }
        let before = at.checked_sub(1).map(|at| characters[at]);
        let behind = characters.get(at + 1);
        let begins = c.is_uppercase()
            && (before.is_some_and(|before| before.is_lowercase() || before.is_numeric())
                || (before.is_some_and(char::is_uppercase)
                    && behind.is_some_and(|c| c.is_lowercase())));
        if begins && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        word.extend(c.to_lowercase());
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn names_fall_into_words() {
        for (name, expected) in [
            ("DeployOnProd", "deploy on prod"),
            ("DEPLOY_ON-prod.eu", "deploy on prod eu"),
            ("dbPassword", "db password"),
            ("HTTPToken", "http token"),
            ("TOKEN_FILE", "token file"),
            ("", ""),
        ] {
            assert_eq!(words(name).join(" "), expected, "{name}");
        }
    }
}
