# Small programs of Debian's that are not everywhere: a calculator, an editor, an interpreter, an archiver, a cipher each.
# tools/setup installs them all; where one is missing, the test can't run (77).
export LC_ALL=C.UTF-8 TZ=UTC HOME=$PWD GNUPGHOME=$PWD/gnupg
missing=
for program in jq bc dc m4 gawk ed cpio zstd bzip2 file tree lua5.4 openssl dpkg apt-cache locale cal man getent hostname ps; do
	command -v "$program" >/dev/null || missing="$missing $program"
done
[ -z "$missing" ] || { echo "missing:$missing"; exit 77; }
echo '{"a":[1,2,{"b":"x"}]}' | jq -c '.a[2].b, (.a[0:2] | add), now > 0'
echo '2^200; scale=30; 4*a(1)' | bc -l
dc -e '3 4 + 5 * p 2 10 ^ p'
printf 'define(`f'"'"', `$1 and $2'"'"')f(a, b) syscmd(echo sub) eval(6*7)\n' | m4
gawk 'BEGIN { "echo piped" | getline x; print x; print strftime("%Y", 0, 1); n = split("c a b", v); asort(v); print v[1], n; print "b\na" | "sort"; close("sort"); printf "%c%5.2f|%-4d|\n", 65, 3.14159, 7 }'
printf 'one\ntwo\n' >e; printf '1s/one/ONE/\na\nmore\n.\n,p\n!echo shell\nw\nq\n' | ed -s e; cat e
mkdir -p from/sub; echo x >from/sub/f; ln -s sub/f from/link; chmod 600 from/sub/f; echo y >>from/sub/f
(cd from && find . | sort | cpio -o -H newc 2>/dev/null) | (mkdir -p unpacked && cd unpacked && cpio -id 2>/dev/null); cat unpacked/link
zstd -q -T2 -c /usr/include/stdio.h | zstd -dc | cmp - /usr/include/stdio.h && echo zstd
bzip2 -c /usr/include/stdio.h | bunzip2 | cmp - /usr/include/stdio.h && echo bzip2
file -b /bin/sh /usr/include/stdio.h from from/link /dev/null
tree --noreport -p from
lua5.4 -e 'local p = io.popen("echo from lua"); print(p:read("a")); print(#arg, os.getenv("TZ"), os.execute("exit 3")); print(pcall(io.open, "/nonexistent"))'
echo text | openssl dgst -sha256; openssl enc -aes-256-cbc -pbkdf2 -pass pass:x </etc/services | openssl enc -d -aes-256-cbc -pbkdf2 -pass pass:x | cmp - /etc/services && echo openssl; openssl rand -hex 8 | wc -c
dpkg -l bash | tail -1; dpkg-query -W -f '${Package} ${Status}\n' dpkg; dpkg --compare-versions 1.2 lt 1.10 && echo older
apt-cache policy bash | sed -n 1,3p
locale | head -3; locale -a | head -2
date -u -d '@1600000000' '+%F %T %j'; date -d '2020-02-29 + 1 year' +%F
cal 2 2024
man -P cat true 2>/dev/null | head -4
getent passwd root; getent group root; getent services ssh
id; whoami; groups; su -s /bin/sh -c id nobody 2>&1 | head -2
ls -l /etc/passwd /dev/null | awk '{ print $1, $3, $4 }'
stat -c '%U %G %a' /tmp /etc/shadow
find /usr/share/zoneinfo -newer /etc/passwd -name Berlin 2>/dev/null
umask 027; : >m; mkdir d; stat -c %a m d; umask -S
nproc; getconf PAGESIZE ARG_MAX; uname -sm; hostname
ulimit -a | grep -v pending
seq 3 | split -l 1 - part.; cat part.*; shuf -e x | cat; tac e; expr 6 \* 7; factor 1000003; nl e | tail -1
nohup sh -c 'echo hung up; trap' 2>&1 >nohup.txt </dev/null; cat nohup.txt
setsid -w sh -c 'ps -o sid= -p $$ | tr -d " " | grep -qx $$ && echo leads'
timeout -s INT 0.1 sleep 5; echo $?
flock m sh -c 'flock -n m true || echo locked'
getopt -o ab: -- -a -b c d; mktemp -u XXXX | wc -c; tsort <<E
a b
b c
E
