# busybox-static: loops, pipelines, tar, find, a hash of 50 MB; a static program that forks its own applets.
set -e
b=/bin/busybox
$b sh -c 'i=0; while [ $i -lt 100 ]; do i=$((i + 1)); done; echo $i'
$b sh -c '$0 seq 1000 | $0 grep 7 | $0 wc -l' $b
$b mkdir -p tree/a/b tree/c
for i in 1 2 3 4 5; do echo "file $i" >tree/a/f$i; done
$b ln -s a/f1 tree/link
$b tar cf tree.tar tree
$b mkdir out
$b tar xf tree.tar -C out
$b find out | $b sort
$b dd if=/dev/zero bs=1M count=50 2>/dev/null | $b sha256sum
$b sh -c "exit 7" || echo status $?
