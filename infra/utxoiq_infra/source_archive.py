"""A function's source archive, which contains what its main.py imports and reads, and nothing else."""

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pulumi

QUERIES_LOADER = "utxoiq_persistence.postgres.statements"
COLUMNS = "sql/columns.toml"
COLUMNS_READER = "utxoiq_persistence.postgres.columns"
MIGRATIONS = "migrations"
MIGRATIONS_READER = "utxoiq_persistence.postgres.schema"
OPENAPI = "docs/openapi.json"
OPENAPI_READER = "utxoiq_console.documentation"
# Folders of a package that are read as files.
DATA_FOLDERS = ("static", "templates")


class SourceError(pulumi.RunError):
    """A function whose source is not whole. Pulumi shows its message alone, without a traceback."""


@dataclass(frozen=True)
class SourceArchive:
    """The files of a function's source archive, by their path in it."""

    files: Mapping[str, Path]
    read: Callable[[Path], bytes] = Path.read_bytes

    @property
    def digest(self) -> str:
        """Return the SHA-256 of paths and contents, which is the same on every machine."""
        digest = hashlib.sha256()
        for name in sorted(self.files):
            content = self.read(self.files[name])
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()

    def as_archive(self) -> pulumi.AssetArchive:
        """Return the files as an archive that Pulumi uploads."""
        return pulumi.AssetArchive({name: pulumi.FileAsset(path) for name, path in self.files.items()})


@dataclass(frozen=True)
class _Module:
    """A module's files, itself among them, by their path in an archive; and the modules that it imports."""

    files: Mapping[str, Path]
    imports: frozenset[Path]


class Sources:
    """The sources of all functions, as they are when they are first read: functions share most modules."""

    def __init__(self, repository: Path) -> None:
        self._repository = repository
        self._functions = repository / "functions"
        self._packages = {path.parent.name for path in self._functions.glob("*/__init__.py")}
        self._contents: dict[Path, bytes] = {}
        self._modules: dict[Path, _Module] = {}
        self._paths: dict[str, Path | None] = {}

    def archive(self, function: str) -> SourceArchive:
        """Return the archive of functions/<function>. Raises SourceError if a file that it needs is missing."""
        # A reader that moved would take its data out of every archive without a word.
        for name in (QUERIES_LOADER, COLUMNS_READER, MIGRATIONS_READER, OPENAPI_READER):
            _existing(self._functions / _module_path(name))
        folder = self._functions / function
        files = {name: _existing(folder / name) for name in ("main.py", "requirements.txt")}
        pending = {folder / "main.py"}
        seen: set[Path] = set()
        while pending:
            seen |= pending
            modules = [self._module(path) for path in pending]
            for module in modules:
                files.update(module.files)
            pending = {path for module in modules for path in module.imports} - seen
        return SourceArchive(files, self._read)

    def _read(self, path: Path) -> bytes:
        if path not in self._contents:
            self._contents[path] = path.read_bytes()
        return self._contents[path]

    def _module(self, path: Path) -> _Module:
        if path not in self._modules:
            needs = _needs(self._read(path), _module_name(path, self._functions), path.name == "__init__.py")
            named = _with_packages(needs.modules, self._packages)
            imports = frozenset(found for name in named if (found := self._named(name)) is not None)
            self._modules[path] = _Module(dict(self._files(path, needs.tables)), imports)
        return self._modules[path]

    def _named(self, module: str) -> Path | None:
        """The file of a module or package; None for a name that is neither."""
        if module not in self._paths:
            path = self._functions.joinpath(*module.split("."))
            file = path.with_suffix(".py")
            package = _existing(path / "__init__.py") if path.is_dir() else None
            self._paths[module] = package or (file if file.is_file() else None)
        return self._paths[module]

    def _files(self, path: Path, tables: Iterable[str]) -> Iterator[tuple[str, Path]]:
        """What comes into an archive with a module. A function's main.py is at the archive's top."""
        in_archive = path.relative_to(self._functions).as_posix()
        if in_archive.partition("/")[0] in self._packages:
            yield in_archive, path
        if path.name == "__init__.py":
            yield from ((data.relative_to(self._functions).as_posix(), data) for data in _data(path.parent))
        for table in tables:
            yield f"sql/{table}.sql", _existing(self._repository / f"sql/{table}.sql")
        for reader, file in ((COLUMNS_READER, COLUMNS), (OPENAPI_READER, OPENAPI)):
            if in_archive == _module_path(reader):
                yield file, _existing(self._repository / file)
        if in_archive == _module_path(MIGRATIONS_READER):
            yield from _migrations(self._repository).items()


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise SourceError(f"{path} is missing; the function's archive needs it")
    return path


def _module_path(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


def _data(package: Path) -> Iterator[Path]:
    """Templates and the like, by which modules of the package are of use."""
    for folder in DATA_FOLDERS:
        yield from sorted(path for path in (package / folder).glob("*") if path.is_file())


def _module_name(source: Path, functions: Path) -> str:
    parts = source.relative_to(functions).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@dataclass(frozen=True)
class _Needs:
    """modules: every one that may be meant, wherever in the file it is imported: `from a import b` may mean a.b."""

    modules: frozenset[str]
    tables: frozenset[str]


@cache
def _needs(content: bytes, module: str, is_package: bool) -> _Needs:
    tree = ast.parse(content, filename=module)
    modules = frozenset(_imports(tree, module, is_package))
    reads = any(name.startswith(QUERIES_LOADER) for name in modules)
    return _Needs(modules, frozenset(_tables(tree, module)) if reads else frozenset())


def _imports(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parts = module.split(".")
                origin = ".".join([*parts[: len(parts) - node.level + is_package], *filter(None, [origin])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _with_packages(modules: Iterable[str], packages: Set[str]) -> set[str]:
    """Those modules that lie in one of the packages, and all packages that they lie in."""
    split = (module.split(".") for module in modules)
    return {".".join(parts[:end]) for parts in split if parts[0] in packages for end in range(1, len(parts) + 1)}


def _tables(tree: ast.AST, module: str) -> Iterator[str]:
    """The tables whose queries a module loads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "load":
            match node.args:
                case [ast.Constant(value=str(table))]:
                    yield table
                case _:
                    raise SourceError(f"{module}, line {node.lineno}: load() takes the table's name as a literal")


def _migrations(repository: Path) -> dict[str, Path]:
    found = (path for suffix in ("py", "sql") for path in (repository / MIGRATIONS).rglob(f"*.{suffix}"))
    files = {path.relative_to(repository).as_posix(): path for path in sorted(found)}
    if not files:
        raise SourceError(f"{repository / MIGRATIONS} holds no migrations")
    return files
