"""Options that take several values after one flag, as in `--target A B C`."""

from collections.abc import Iterator

import click


class ListCommand(click.Command):
    """A command whose repeatable options take all values up to the next option.

    It must not have arguments, which could not be distinguished from such values.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(self._with_repeated_flags(args)))

    def _with_repeated_flags(self, args: list[str]) -> Iterator[str]:
        """The arguments with the flag of a list repeated before each of its values."""
        lists = {
            name
            for param in self.params
            if isinstance(param, click.Option) and param.multiple and param.nargs == 1
            for name in param.opts
        }
        flag = None
        after_flag = False
        for arg in args:
            if arg.startswith("-") and arg != "-" and not after_flag:
                flag = arg if arg in lists else None
                after_flag = flag is not None
            elif flag is not None and not after_flag:
                yield flag
            else:
                after_flag = False
            yield arg
