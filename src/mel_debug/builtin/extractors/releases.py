"""The versions of packages that features depend on."""


def release(package: str) -> str:
    """A package's name and version: another release may compute different features."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"
