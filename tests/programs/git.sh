# git: init, add, commit, branch, merge, log, status, gc.
set -e
export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_DATE='1600000000 +0000' GIT_COMMITTER_DATE='1600000000 +0000'
git config --global user.name t; git config --global user.email t@example.org; git config --global init.defaultBranch main
git init -q r; cd r
for i in $(seq 30); do echo "content $i" >f$i; done
git add .; git commit -qm first
git checkout -qb side; echo side >>f1; git commit -qam side
git checkout -q main; echo main >>f2; git commit -qam main
git merge -q -m merge side
git log --format='%H %s' --graph
git status --short; echo x >>f3; git status --short
git diff --stat; git stash -q; git stash pop -q; git checkout -q f3
git gc -q; git fsck
git clone -q . ../c; cd ../c; git log --oneline | wc -l
git ls-files | wc -l; git grep -c content | wc -l
