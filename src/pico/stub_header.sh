#!/bin/sh
# stub_header.sh NM ELF HEADER: the stub's bytes and the addresses of its entry points as a C header.
set -eu
nm=$1 elf=$2 header=$3
{
	echo '/* Generated from stub.S. */'
	"$nm" "$elf" | while read -r address _ name; do
		case $name in
		stub_* | call_*) echo "#define PICO_$(echo "$name" | tr a-z A-Z) 0x${address}UL" ;;
		esac
	done
	echo 'static const unsigned char pico_stub_image[] = {'
	od -An -v -tx1 "$elf" | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
	echo '};'
} >"$header.tmp"
mv "$header.tmp" "$header"
