# gcc: compile, link and run; static, static-pie, non-PIE; a library; make -j2 of 40 files.
set -e
cat >hello.c <<'C'
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>
static void *run(void *p) { *(int *)p = 42; return NULL; }
int main(int argc, char **argv) { pthread_t t; int v = 0; pthread_create(&t, NULL, run, &v); pthread_join(t, NULL); printf("%d %d\n", argc, v); return v - 40; }
C
gcc -O2 -o dynamic hello.c -pthread; ./dynamic a || echo $?
gcc -O2 -static -o static hello.c -pthread; ./static a b || echo $?
gcc -O2 -static-pie -o static-pie hello.c -pthread; ./static-pie || echo $?
gcc -O2 -no-pie -o non-pie hello.c -pthread; ./non-pie || echo $?
echo 'int f(void) { return 5; }' >lib.c
gcc -shared -fPIC -o libl.so lib.c
echo 'int f(void); int main(void) { return f(); }' >use.c
gcc use.c -L. -ll -Wl,-rpath,'$ORIGIN' -o use; ./use || echo $?
for i in $(seq 40); do echo "int f$i(int x) { return x + $i; }" >m$i.c; done
{ echo "objects = $(seq -f m%.0f.o -s ' ' 40)"; printf 'liball.a: $(objects)\n\tar rcs $@ $^\n'; } >Makefile
make -s -j2
ar t liball.a | wc -l
echo 'int main(void) { syntax error }' >bad.c; gcc bad.c 2>&1 | head -2 || true
printf '#!/usr/bin/env sh\necho script $# "$1"\n' >script; chmod +x script; ./script 'a b' c
printf '#!%s/dynamic x\n' "$PWD" >own; chmod +x own; ./own || echo $?
