//! Packages of Node: which tool installs them and runs the programs in them.

use serde_json::Value;

use super::Draft;

/// Builders of pages, and the folder that they fill.
const SITES: [(&str, &str); 9] = [
    ("@11ty/eleventy", "_site"),
    ("@docusaurus/core", "build"),
    ("@vue/cli-service", "dist"),
    ("astro", "dist"),
    ("gatsby", "public"),
    ("parcel", "dist"),
    ("react-scripts", "build"),
    ("vite", "dist"),
    ("vuepress", "dist"),
];

/// What `package.json` and the files beside it say.
pub(super) struct Packages {
    /// The manifest; null where it is not JSON.
    pub(super) manifest: Value,
    /// `npm`, `yarn` or `pnpm`.
    pub(super) tool: &'static str,
    /// The commands that install; none where there is nothing to install.
    pub(super) install: Vec<String>,
}

impl Packages {
    /// Nothing where there is no `package.json`.
    pub(super) fn of(draft: &Draft<'_>) -> Option<Self> {
        if !draft.has("package.json") {
            return None;
        }
        let manifest: Value = serde_json::from_str(draft.text("package.json")).unwrap_or_default();
        let some = dependencies(&manifest).next().is_some();
        let manager = manifest["packageManager"].as_str().unwrap_or_default();
        let modern = draft.has(".yarnrc.yml")
            || manager.starts_with("yarn@") && !manager.starts_with("yarn@1.");
        let locked = draft.has("package-lock.json") || draft.has("npm-shrinkwrap.json");
        let (tool, install): (_, &[&str]) =
            if draft.has("pnpm-lock.yaml") || manager.starts_with("pnpm@") {
                (
                    "pnpm",
                    &["corepack enable", "pnpm install --frozen-lockfile"],
                )
            } else if draft.has("yarn.lock") || manager.starts_with("yarn@") {
                if modern {
                    ("yarn", &["corepack enable", "yarn install --immutable"])
                } else {
                    (
                        "yarn",
                        &["corepack enable", "yarn install --frozen-lockfile"],
                    )
                }
            } else if locked {
                ("npm", &["npm ci"])
            } else if some {
                ("npm", &["npm install"])
            } else {
                ("npm", &[])
            };
        Some(Self {
            manifest,
            tool,
            install: install.iter().map(|one| (*one).to_owned()).collect(),
        })
    }

    /// Runs a program that one of the packages brings.
    pub(super) fn runs(&self, program: &str) -> String {
        match self.tool {
            "pnpm" => format!("pnpm exec {program}"),
            "yarn" => format!("yarn {program}"),
            _ => format!("npx {program}"),
        }
    }

    /// The folder that `build` fills with pages.
    pub(super) fn site(&self) -> Option<&'static str> {
        let names: Vec<&str> = dependencies(&self.manifest).collect();
        // What renders at a request is no folder of pages.
        let serves = |name: &&str| name.contains("adapter-node") || *name == "@astrojs/node";
        if names.iter().any(serves) {
            return None;
        }
        let known = SITES.iter().find(|(name, _)| names.contains(name));
        known.map(|(_, folder)| *folder)
    }
}

fn dependencies(manifest: &Value) -> impl Iterator<Item = &str> {
    ["dependencies", "devDependencies"]
        .into_iter()
        .filter_map(|key| manifest[key].as_object())
        .flat_map(|map| map.keys().map(String::as_str))
}
