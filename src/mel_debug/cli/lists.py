"""Options that take several values after one flag, as in `--target A B C`."""

from collections.abc import Iterator

import click


class ListCommand(click.Command):
    """A command whose repeatable options take all values up to the next option.

    It has no arguments, so nothing else can be meant by them.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, list(self._repeated(args)))

    def _repeated(self, args: list[str]) -> Iterator[str]:
        """The same with its flag before every value."""
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
