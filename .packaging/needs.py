"""What a Linux program needs where it runs, read from the file itself: its C library and the newest version of it.

    needs.py FILE [--machine x86_64] [--glibc 2.26]

Ends with 1 if the program is for another processor, or needs a newer glibc or any other library.
"""

import argparse
import struct
import sys

MACHINES = {62: "x86_64", 183: "aarch64"}
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB, DT_VERNEED, DT_VERNEEDNUM = 1, 5, 0x6FFFFFFE, 0x6FFFFFFF
# What belongs to glibc itself, or comes with every gcc.
OF_THE_SYSTEM = ("libc.so.", "libm.so.", "libpthread.so.", "libdl.so.", "librt.so.", "libgcc_s.so.", "ld-linux")


class Elf:
    """The few parts of a 64-bit little-endian ELF file that tell what the loader has to find."""

    def __init__(self, data):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("it is no 64-bit Linux program")
        self.data = data
        self.machine = MACHINES.get(struct.unpack_from("<H", data, 18)[0], "another processor")
        start, size, count = struct.unpack_from("<Q", data, 32)[0], *struct.unpack_from("<HH", data, 54)
        self.segments = []
        for index in range(count):
            kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, start + index * size)
            self.segments.append((kind, offset, address, length))

    def place(self, address):
        for kind, offset, begin, length in self.segments:
            if kind == PT_LOAD and begin <= address < begin + length:
                return address - begin + offset
        raise ValueError("an address stands in no segment")

    def text(self, at):
        return self.data[at : self.data.index(b"\0", at)].decode()

    def loader(self):
        return next((self.text(offset) for kind, offset, _, _ in self.segments if kind == PT_INTERP), None)

    def dynamic(self):
        for kind, offset, _, length in self.segments:
            if kind == PT_DYNAMIC:
                return [struct.unpack_from("<qQ", self.data, at) for at in range(offset, offset + length, 16)]
        return []

    def libraries(self):
        """Each library with the versions that are asked of it."""
        entries = self.dynamic()
        values = dict(entries)
        needed = {}
        if not any(tag == DT_NEEDED for tag, _ in entries):
            return needed
        names = self.place(values[DT_STRTAB])
        for tag, value in entries:
            if tag == DT_NEEDED:
                needed[self.text(names + value)] = []
        if DT_VERNEED in values:
            at = self.place(values[DT_VERNEED])
            for _ in range(values[DT_VERNEEDNUM]):
                _, count, file, first, following = struct.unpack_from("<HHIII", self.data, at)
                version = at + first
                for _ in range(count):
                    _, _, _, name, further = struct.unpack_from("<IHHII", self.data, version)
                    needed.setdefault(self.text(names + file), []).append(self.text(names + name))
                    version += further
                at += following
        return needed


def number(version):
    return tuple(int(part) for part in version.split("."))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("file")
    arguments.add_argument("--machine")
    arguments.add_argument("--glibc", default="2.26")
    asked = arguments.parse_args()
    with open(asked.file, "rb") as file:
        data = file.read()
    try:
        elf = Elf(data)
        libraries = elf.libraries()
    except (ValueError, struct.error) as error:
        sys.exit(f"{asked.file} cannot be read: {error}")
    if asked.machine and asked.machine != elf.machine:
        sys.exit(f"{asked.file} is for {elf.machine}, not for {asked.machine}")
    size = f"{elf.machine}, {len(data) / 1e6:.1f} MB"
    if elf.loader() is None and not libraries:
        print(f"{asked.file}: {size}, static: it needs no library")
        return
    others = [name for name in libraries if not name.startswith(OF_THE_SYSTEM)]
    if others:
        sys.exit(f"{asked.file} needs {', '.join(others)}")
    wanted = [word[6:] for words in libraries.values() for word in words if word.startswith("GLIBC_2")]
    newest = max(wanted, key=number, default="2.0")
    if number(newest) > number(asked.glibc):
        sys.exit(f"{asked.file} needs glibc {newest}, and glibc {asked.glibc} has to do")
    print(f"{asked.file}: {size}, needs glibc {newest}")


main()
