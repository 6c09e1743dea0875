"""What lets one text run on MicroPython and CPython: const, native decorators, pointer casts.  Nothing else."""

__all__ = ["const", "micropython", "ptr8", "ptr32"]

try:
    import micropython
except ImportError:

    class micropython:  # type: ignore[no-redef]  # noqa: N801  stands for the module
        """On CPython a native or viper function is the plain function: the reference that the tests compare with."""

        @staticmethod
        def native(function):  # type: ignore[no-untyped-def]
            """The function itself; on a board the compiler sees the name and emits machine code."""
            return function

        @staticmethod
        def viper(function):  # type: ignore[no-untyped-def]
            """The same, for the viper compiler."""
            return function


try:
    ptr32  # type: ignore[used-before-def]  # noqa: B018  the viper compiler knows the name, the module does not need it
except NameError:

    def ptr32(words):  # type: ignore[no-untyped-def]
        """View of 32-bit words; the identity outside viper."""
        return words

    def ptr8(octets):  # type: ignore[no-untyped-def]
        """View of bytes; the identity outside viper."""
        return octets


def const(number: int) -> int:
    """A number the MicroPython compiler folds; on CPython the number itself."""
    return number
