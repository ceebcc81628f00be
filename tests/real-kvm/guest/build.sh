#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# build.sh DIRECTORY: the two interpreters of random guests, fuzz64.elf and fuzz32.elf. Needs gcc and binutils.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out"
flags='-O1 -ffreestanding -fno-pic -fno-pie -mgeneral-regs-only -fno-stack-protector -fno-asynchronous-unwind-tables -fcf-protection=none -fno-tree-loop-distribute-patterns -fno-strict-aliasing -Wall -Wno-unused-parameter'
gcc -m64 $flags -mno-red-zone -DLONG -c -o "$out/start64.o" "$here/start.S"
gcc -m64 $flags -mno-red-zone -DLONG -c -o "$out/fuzz64.o" "$here/fuzz.c"
ld -m elf_x86_64 -z max-page-size=4096 -z noexecstack -T "$here/link.ld" --build-id=none -o "$out/fuzz64.64" "$out/start64.o" "$out/fuzz64.o"
objcopy -I elf64-x86-64 -O elf32-i386 "$out/fuzz64.64" "$out/fuzz64.elf"
gcc -m32 $flags -c -o "$out/start32.o" "$here/start.S"
gcc -m32 $flags -c -o "$out/fuzz32.o" "$here/fuzz.c"
ld -m elf_i386 -z max-page-size=4096 -z noexecstack -T "$here/link.ld" --build-id=none -o "$out/fuzz32.elf" "$out/start32.o" "$out/fuzz32.o"
rm -f "$out"/*.o "$out/fuzz64.64"
