# sqlite3 with two writing processes on one file.
set -e
sqlite3 db 'create table t(writer int, value int);'
writer() { for i in $(seq 40); do printf '.timeout 20000\ninsert into t values(%s, %s);\n' "$1" "$i" | sqlite3 db; done; }
writer 1 & writer 2 & wait
sqlite3 db 'select writer, count(*), sum(value) from t group by writer; pragma integrity_check;'
sqlite3 db 'pragma journal_mode=wal;' 'insert into t values(3, 3);' 'select count(*) from t;'
