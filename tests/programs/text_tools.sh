# grep, sed, awk, find -exec, xargs -P, tar pipes, compressors, diff.
set -e
grep -rl include /usr/include/linux | sort | sha256sum
grep -rc define /usr/include/linux | sort | tail -3
sed -n 's/^#define \([A-Z_]*\) .*/\1/p' /usr/include/linux/fs.h | sort | sha256sum
awk '{ n[NF]++ } END { for (i in n) print i, n[i] }' /usr/include/linux/fs.h | sort -n
find /usr/include/linux -name 'f*.h' -exec wc -l {} + | tail -1
find /usr/include/linux -name '*.h' -print0 | xargs -0 -P2 -n20 cat | wc -c
mkdir out; tar cf - -C /usr/include linux | tar xf - -C out; diff -r /usr/include/linux out/linux && echo same
tar czf t.tgz -C out linux; tar tzf t.tgz | wc -l
gzip -c /usr/include/linux/fs.h | gzip -dc | cmp - /usr/include/linux/fs.h && echo gz
xz -c /usr/include/linux/fs.h | xz -dc | cmp - /usr/include/linux/fs.h && echo xz
seq 10 >a; seq 2 11 >b; diff a b || echo differ
