//! No circle of imports anywhere: whoever reads a file of a floor can read it from the bottom up.
//!
//! Names are followed through re-exports to the file that defines them, so a folder's `mod.rs` that only declares and
//! re-exports takes part in nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use syn::visit::{self, Visit};
use syn::{Item, UseTree, Visibility};

use crate::tidy::sources;

/// The names of modules from the crate's root to a file.
type ModulePath = Vec<String>;

/// A file as the crate sees it.
#[derive(Default)]
struct Module {
    /// Names that it makes visible to others and that are defined elsewhere, with the paths that they stand for.
    exports: HashMap<String, ModulePath>,
    /// Modules of which everything is visible through it.
    globs: Vec<ModulePath>,
    /// Paths that its code names, tests left out.
    named: BTreeSet<ModulePath>,
}

/// All files of the crate.
struct House(BTreeMap<ModulePath, Module>);

impl House {
    fn read() -> Self {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let files = sources("src");
        let paths: Vec<ModulePath> = files
            .iter()
            .map(|(file, _)| module_path(file.strip_prefix(&src).unwrap()))
            .collect();
        let mut house = BTreeMap::new();
        for ((_, text), path) in files.iter().zip(&paths) {
            let file = syn::parse_file(text).expect("the crate compiles");
            house.insert(path.clone(), Module::of(path, &file));
        }
        Self(house)
    }

    /// The file that defines what a path names; `None` if it is of another crate.
    fn defined_in(&self, path: &[String]) -> Option<&ModulePath> {
        self.follow(path, 16)
    }

    fn follow(&self, path: &[String], steps_left: u32) -> Option<&ModulePath> {
        let depth = (0..=path.len())
            .rev()
            .find(|&depth| self.0.contains_key(&path[..depth]))?;
        let (owner, module) = self.0.get_key_value(&path[..depth])?;
        let Some(name) = path.get(depth).filter(|_| steps_left > 0) else {
            return Some(owner);
        };
        if let Some(target) = module.exports.get(name) {
            let mut target = target.clone();
            target.extend_from_slice(&path[depth + 1..]);
            return self.follow(&target, steps_left - 1);
        }
        // A root that is no module of this crate is another crate.
        (depth > 0 || module.globs.is_empty())
            .then_some(owner)
            .filter(|_| depth > 0)
    }

    /// For each file, the files of the same floor that it imports from.
    fn imports(&self) -> BTreeMap<&ModulePath, BTreeSet<&ModulePath>> {
        let mut found: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> = BTreeMap::new();
        for (own, module) in &self.0 {
            let theirs = module.named.iter().filter_map(|path| self.defined_in(path));
            let theirs = theirs.filter(|other| *other != own && other.first() == own.first());
            found.insert(own, theirs.collect());
        }
        found
    }
}

fn module_path(file: &Path) -> ModulePath {
    let mut path: ModulePath = file
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if path.last().is_some_and(|last| last == "mod" || last == "lib") {
        path.pop();
    }
    path
}

impl Module {
    fn of(path: &ModulePath, file: &syn::File) -> Self {
        let children: BTreeSet<String> = file
            .items
            .iter()
            .filter_map(|item| match item {
                Item::Mod(module) if module.content.is_none() => Some(module.ident.to_string()),
                _ => None,
            })
            .collect();
        let mut reader = Reader {
            own: path,
            children,
            imported: HashMap::new(),
            module: Self::default(),
        };
        for item in &file.items {
            if let Item::Use(import) = item {
                let is_export = !matches!(import.vis, Visibility::Inherited);
                reader.import(&mut Vec::new(), &import.tree, is_export);
            }
        }
        for item in &file.items {
            reader.visit_item(item);
        }
        reader.module
    }
}

struct Reader<'a> {
    own: &'a ModulePath,
    children: BTreeSet<String>,
    /// Names that are re-exported: they count as imported where the file's own code uses them too.
    imported: HashMap<String, ModulePath>,
    module: Module,
}

impl Reader<'_> {
    /// A path from the crate's root, if it is one into this crate.
    fn absolute(&self, written: &[String]) -> Option<ModulePath> {
        let first = written.first()?.as_str();
        let mut path = match first {
            "crate" => Vec::new(),
            "self" | "super" => self.own.clone(),
            child if self.children.contains(child) => {
                let mut path = self.own.clone();
                path.push(child.to_owned());
                path
            }
            _ => return None,
        };
        for (at, part) in written.iter().enumerate() {
            match part.as_str() {
                "super" => {
                    path.pop();
                }
                "crate" | "self" => {}
                _ if at == 0 => {}
                name => path.push(name.to_owned()),
            }
        }
        Some(path)
    }

    fn import(&mut self, before: &mut Vec<String>, tree: &UseTree, is_export: bool) {
        match tree {
            UseTree::Path(inner) => {
                before.push(inner.ident.to_string());
                self.import(before, &inner.tree, is_export);
                before.pop();
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(before, tree, is_export);
                }
            }
            UseTree::Name(name) => self.take(before, &name.ident.to_string(), &name.ident.to_string(), is_export),
            UseTree::Rename(name) => self.take(before, &name.ident.to_string(), &name.rename.to_string(), is_export),
            UseTree::Glob(_) => {
                if let Some(path) = self.absolute(before) {
                    self.module.globs.push(path.clone());
                    self.module.named.insert(path);
                }
            }
        }
    }

    fn take(&mut self, before: &[String], name: &str, called: &str, is_export: bool) {
        let mut written = before.to_vec();
        if name != "self" {
            written.push(name.to_owned());
        }
        let called = if called == "self" {
            before.last().map_or("", String::as_str)
        } else {
            called
        };
        let Some(path) = self.absolute(&written) else {
            return;
        };
        if is_export {
            self.module.exports.insert(called.to_owned(), path.clone());
            self.imported.insert(called.to_owned(), path);
        } else {
            self.module.named.insert(path);
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        // Tests see what they like.
        if !module.attrs.iter().any(|attribute| attribute.path().is_ident("cfg")) {
            visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, _: &'ast syn::ItemUse) {}

    fn visit_vis_restricted(&mut self, _: &'ast syn::VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written: Vec<String> = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if let Some(absolute) = self.absolute(&written) {
            self.module.named.insert(absolute);
        } else if let Some(target) = written.first().and_then(|name| self.imported.get(name)) {
            self.module.named.insert(target.clone());
        }
        visit::visit_path(self, path);
    }
}

/// Groups of files that import one another, around any number of corners.
fn circles<'a>(imports: &BTreeMap<&'a ModulePath, BTreeSet<&'a ModulePath>>) -> Vec<BTreeSet<&'a ModulePath>> {
    let reached = |from: &'a ModulePath| {
        let mut found = BTreeSet::new();
        let mut open = vec![from];
        while let Some(at) = open.pop() {
            for next in imports.get(at).into_iter().flatten() {
                if found.insert(*next) {
                    open.push(next);
                }
            }
        }
        found
    };
    let all: BTreeMap<&ModulePath, BTreeSet<&ModulePath>> = imports.keys().map(|file| (*file, reached(file))).collect();
    let mut found: Vec<BTreeSet<&ModulePath>> = Vec::new();
    for (file, reaches) in &all {
        let circle: BTreeSet<&ModulePath> = reaches
            .iter()
            .filter(|other| all[*other].contains(*file))
            .copied()
            .collect();
        if reaches.contains(file) && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

#[test]
fn no_file_imports_itself_around_a_corner() {
    let house = House::read();
    let imports = house.imports();
    let mut shown = Vec::new();
    for circle in circles(&imports) {
        let files: Vec<String> = circle.iter().map(|file| file.join("::")).collect();
        shown.push(format!("a circle of {}:", files.len()));
        for file in &circle {
            let theirs = imports[*file].intersection(&circle).map(|other| other.join("::"));
            shown.push(format!(
                "    {} imports {}",
                file.join("::"),
                theirs.collect::<Vec<_>>().join(", ")
            ));
        }
    }
    assert!(shown.is_empty(), "imports in a circle:\n{}", shown.join("\n"));
}

#[test]
fn circles_are_seen_through_re_exports_and_bare_paths() {
    let parsed = |path: &[&str], text: &str| {
        let path: ModulePath = path.iter().map(|part| (*part).to_owned()).collect();
        let module = Module::of(&path, &syn::parse_file(text).unwrap());
        (path, module)
    };
    let house = |files: Vec<(ModulePath, Module)>| House(files.into_iter().collect());
    let is_round = |house: &House| !circles(&house.imports()).is_empty();
    let straight = [
        parsed(&["a"], "mod b; mod c; pub use b::B; pub use c::C;"),
        parsed(&["a", "b"], "pub struct B;"),
        parsed(&["a", "c"], "use super::B; pub struct C(B);"),
    ];
    assert!(!is_round(&house(straight.into())));
    for (b, why) in [
        ("use super::C; pub struct B(C);", "through a re-export"),
        ("pub struct B(super::c::C);", "by a path in code"),
        ("pub fn b() { let _ = crate::a::C; }", "from the root"),
    ] {
        let round = [
            parsed(&["a"], "mod b; mod c; pub use b::B; pub use c::C;"),
            parsed(&["a", "b"], b),
            parsed(&["a", "c"], "use super::B; pub struct C(B);"),
        ];
        assert!(is_round(&house(round.into())), "{why}");
    }
    let own = [
        parsed(&["a"], "mod b; pub use b::B; pub trait T {} impl T for B {}"),
        parsed(&["a", "b"], "use super::T; pub struct B; fn f(_: impl T) {}"),
    ];
    assert!(is_round(&house(own.into())), "a parent that uses its child");
    let tests_alone = [
        parsed(&["a"], "mod b; mod c;"),
        parsed(
            &["a", "b"],
            "pub struct B; #[cfg(test)] mod tests { use super::super::c::C; }",
        ),
        parsed(&["a", "c"], "use super::b::B; pub struct C(B);"),
    ];
    assert!(!is_round(&house(tests_alone.into())));
}
