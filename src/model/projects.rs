//! The CodeBuild projects of a file, found by their key and by their name.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::slice::{Iter, IterMut};

use super::types::Project;

/// Projects in the order of the file. Their keys and names stay what they are.
#[derive(Debug, Clone, Default)]
pub struct Projects {
    list: Vec<Project>,
    by_key: HashMap<String, usize>,
    by_name: HashMap<String, usize>,
}

impl Projects {
    /// Appends one.
    pub fn push(&mut self, project: Project) {
        let at = self.list.len();
        self.by_key.entry(project.key.clone()).or_insert(at);
        self.by_name.entry(project.name.value.clone()).or_insert(at);
        self.list.push(project);
    }

    /// The first of a key.
    pub fn of_key(&self, key: &str) -> Option<&Project> {
        self.by_key.get(key).map(|at| &self.list[*at])
    }

    /// The first of a name in AWS.
    pub fn of_name(&self, name: &str) -> Option<&Project> {
        self.by_name.get(name).map(|at| &self.list[*at])
    }

    /// The first of a key, to change.
    pub fn of_key_mut(&mut self, key: &str) -> Option<&mut Project> {
        self.by_key.get(key).map(|at| &mut self.list[*at])
    }
}

impl Deref for Projects {
    type Target = [Project];

    fn deref(&self) -> &[Project] {
        &self.list
    }
}

impl DerefMut for Projects {
    fn deref_mut(&mut self) -> &mut [Project] {
        &mut self.list
    }
}

impl<'p> IntoIterator for &'p Projects {
    type Item = &'p Project;
    type IntoIter = Iter<'p, Project>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl<'p> IntoIterator for &'p mut Projects {
    type Item = &'p mut Project;
    type IntoIter = IterMut<'p, Project>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter_mut()
    }
}
