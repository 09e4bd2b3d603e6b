//! Where the code is: the address of a git remote, as a source of the file.

/// A source as the file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// The key: `github`, `codecommit`, …
    kind: &'static str,
    /// `owner/repository`, or the repository of CodeCommit; none where there is no remote.
    repository: Option<String>,
    /// The host, where CodePipeline knows none of its kind.
    odd_host: Option<String>,
    /// The region of a repository of CodeCommit: a pipeline reads those of its own.
    region: Option<String>,
}

/// Hosts and the key of the file that they stand for.
const HOSTS: [(&str, &str); 5] = [
    ("github.com", "github"),
    ("ssh.github.com", "github"),
    ("bitbucket.org", "bitbucket"),
    ("altssh.bitbucket.org", "bitbucket"),
    ("gitlab.com", "gitlab"),
];

/// Parts of the names of hosts that people run themselves.
const OWN_HOSTS: [(&str, &str); 2] = [
    ("gitlab", "gitlabSelfManaged"),
    ("github", "githubEnterprise"),
];

impl Source {
    /// What an address says; without one, a repository on GitHub that is still to be named.
    pub(super) fn of(remote: Option<&str>) -> Self {
        remote.and_then(Self::known).unwrap_or(Self {
            kind: "github",
            repository: None,
            odd_host: remote.and_then(|remote| Some(address(remote)?.0)),
            region: None,
        })
    }

    fn known(remote: &str) -> Option<Self> {
        let source = |kind, repository: String| {
            super::text::is_plain(&repository).then_some(Self {
                kind,
                repository: Some(repository),
                odd_host: None,
                region: None,
            })
        };
        let codecommit = |repository: &str, region: Option<&str>| {
            let region =
                region.filter(|region| region.contains('-') && super::text::is_plain(region));
            Some(Self {
                region: region.map(str::to_owned),
                ..source("codecommit", repository.to_owned())?
            })
        };
        // the helper of git for CodeCommit: codecommit::REGION://PROFILE@NAME
        if let Some(rest) = remote.strip_prefix("codecommit:") {
            let (region, name) = rest.split_once("//")?;
            let name = name.rsplit_once('@').map_or(name, |(_, name)| name);
            let region = region.trim_matches(':');
            return codecommit(name.trim_end_matches('/'), Some(region));
        }
        let (host, path) = address(remote)?;
        if let Some(rest) = host.strip_prefix("git-codecommit.") {
            return codecommit(path.strip_prefix("v1/repos/")?, rest.split('.').next());
        }
        if let Some(path) = azure(&host, &path) {
            return source("azureDevOps", path);
        }
        if !path.contains('/') {
            return None;
        }
        let own = |part: &str| host.split(['.', '-']).any(|word| word == part);
        let kind = HOSTS
            .iter()
            .find(|(name, _)| *name == host)
            .or_else(|| OWN_HOSTS.iter().find(|(part, _)| own(part)))?
            .1;
        source(kind, path)
    }

    /// `owner/repository`.
    pub(super) fn repository(&self) -> Option<&str> {
        self.repository.as_deref()
    }

    /// The name of the repository without its owner.
    pub(super) fn repository_name(&self) -> Option<&str> {
        self.repository.as_deref()?.rsplit('/').next()
    }

    /// The region that the pipeline has to be in.
    pub(super) fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Whether AWS reaches it through a connection.
    pub(super) fn needs_connection(&self) -> bool {
        self.kind != "codecommit"
    }

    /// What was seen, for people.
    pub(super) fn seen(&self, branch: &str) -> String {
        match (&self.repository, &self.odd_host) {
            (Some(repository), _) => {
                format!("git remote: {} {repository}, branch {branch}", self.kind)
            }
            (None, Some(host)) => {
                format!(
                    "git remote on {host}, which CodePipeline has no source for: put the repository under `source`"
                )
            }
            (None, None) => "no git remote: put the repository under `source`".to_owned(),
        }
    }

    /// Its lines in the file.
    pub(super) fn lines(&self, branch: &str, connection: Option<&str>) -> Vec<String> {
        let mut lines = vec!["source:".to_owned()];
        match &self.repository {
            Some(repository) => lines.push(format!("  {}: {repository}", self.kind)),
            None => lines.push(
                "  github: owner/repository           # put yours here; also bitbucket, gitlab, codecommit, s3, ecr".to_owned(),
            ),
        }
        lines.push(format!("  branch: {}", super::text::scalar(branch)));
        if let Some(connection) = connection {
            let name = connection
                .trim_start_matches("${ssm:")
                .trim_end_matches('}');
            lines.push("  # The ARN of a connection, which you make and confirm once in the console (Developer Tools > Connections), kept in the".to_owned());
            lines.push(format!(
                "  # Parameter Store: aws ssm put-parameter --type String --name {name} --value ARN"
            ));
            lines.push(format!("  connection: {connection}"));
        }
        lines
    }
}

/// Host and path of an address, in each of git's forms; who signs in with what is left out.
fn address(remote: &str) -> Option<(String, String)> {
    let remote = remote.trim();
    let (host, path) = match remote.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?,
        // git@host:owner/repository
        None => remote.split_once(':')?,
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.split(':').next()?.to_ascii_lowercase();
    let path = path.split(['?', '#']).next()?.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    // one letter is a drive
    (host.len() > 1 && !path.is_empty()).then(|| (host, path.to_owned()))
}

/// `organization/project/repository` of Azure DevOps.
fn azure(host: &str, path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    match (host, parts.as_slice()) {
        ("dev.azure.com", [organization, project, "_git", name])
        | ("ssh.dev.azure.com", ["v3", organization, project, name]) => {
            Some(format!("{organization}/{project}/{name}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Source;

    #[test]
    fn addresses_become_sources() {
        for (remote, expected) in [
            ("https://github.com/acme/shop.git", "github acme/shop"),
            (
                "https://someone:ghp_secret@github.com/acme/shop",
                "github acme/shop",
            ),
            ("git@github.com:acme/shop.git", "github acme/shop"),
            (
                "ssh://git@ssh.github.com:443/acme/shop.git",
                "github acme/shop",
            ),
            ("git@gitlab.com:acme/team/shop.git", "gitlab acme/team/shop"),
            (
                "https://gitlab.example.com/acme/shop.git",
                "gitlabSelfManaged acme/shop",
            ),
            (
                "https://github.example.com/acme/shop",
                "githubEnterprise acme/shop",
            ),
            ("git@bitbucket.org:acme/shop.git", "bitbucket acme/shop"),
            (
                "https://acme@dev.azure.com/acme/Web/_git/shop",
                "azureDevOps acme/Web/shop",
            ),
            (
                "git@ssh.dev.azure.com:v3/acme/Web/shop",
                "azureDevOps acme/Web/shop",
            ),
            (
                "https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop",
                "codecommit shop",
            ),
            (
                "ssh://APKAEXAMPLE@git-codecommit.us-east-1.amazonaws.com/v1/repos/shop",
                "codecommit shop",
            ),
            ("codecommit::eu-central-1://work@shop", "codecommit shop"),
            ("codecommit://shop", "codecommit shop"),
            ("https://git.example.com/acme/shop", "github -"),
            ("/srv/git/shop.git", "github -"),
            ("C:/git/shop", "github -"),
            ("https://github.com/acme/${env:X}", "github -"),
        ] {
            let source = Source::of(Some(remote));
            let said = format!("{} {}", source.kind, source.repository().unwrap_or("-"));
            assert_eq!(said, expected, "{remote}");
            assert!(!source.seen("main").contains("secret"));
        }
        assert!(
            Source::of(Some("https://git.example.com/a/b"))
                .seen("main")
                .contains("git.example.com")
        );
    }
}
