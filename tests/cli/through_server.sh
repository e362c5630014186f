# Commands that a server does for others print what they print without one: the same script twice, compared line by line.
. "$DATA/try.sh"
commands() {
    cp -r "$DATA/shop" "$DATA/broken" .
    printf 'region,income\nwest,1\neast,x\n' >bad.csv
    printf 'customer,plan\nann,x\nann,y\n,z\nzed\n' >dup.csv
    for file in shop/sources.yaml broken/sources.yaml no-such.yaml; do try tandem source add $file; done
    try tandem --json source add - <shop/sources.yaml
    try tandem load customers shop/customers.csv
    try tandem --json load regions ./shop/regions.csv
    for file in bad.csv shop no-such.csv "--bad-max 90 bad.csv"; do try tandem load regions $file; done
    try tandem load nobody bad.csv
    try tandem load regions - <shop/regions.csv
    try tandem load regions --replace --bad-max 50 - <bad.csv
    for load in 1 2 3; do try tandem quarantine show load-00000$load; done
    for folder in broken shop shop/ no-such; do try tandem release pack $folder; done
    try tandem --json release pack broken
    for rows in shop/customers.csv dup.csv - no-such.csv ./shop/regions.csv; do
        try tandem run churn --population $rows --as-of 2013-06-14T06:00:00Z
    done
    try tandem --json run churn --as-of 2013-06-14T06:00:00Z --threads 1
    try tandem run churn --as-of 2013-06-14T06:00:00Z --promote
    for change in "--expect 9" "--expect 0" "--table v000001 --expect 1" "--table v000009"; do
        try tandem promote churn $change
    done
    for service in "" "" churn nobody; do try tandem rollback $service; done
    try tandem --json rollback
    try tandem table show v000001
    cat tandem-home/runs/*/quarantine.jsonl
    printf x | dd of=tandem-home/CURRENT bs=1 seek=30 conv=notrunc 2>/dev/null
    try tandem promote churn
    try tandem --json rollback
}
plain() {
    sed -E 's/20[2-9][0-9]-[0-9-]+T[0-9:.]+Z/NOW/g; s/[0-9.]+ s( on|$)/T\1/; s/[0-9,]+ (rows.s)/N \1/
        s/"([a-z_]*seconds|block_us_[a-z0-9]+|peak_memory_bytes)":[0-9.e-]+/"\1":N/g'
}
mkdir here there
(cd here && commands) 2>&1 | plain >here.txt
cd there
tandem serve --listen 127.0.0.1:0 2>listening &
until grep -q "^listening on http://127.0.0.1:" listening; do sleep 0.05; done
(commands) 2>&1 | plain >../there.txt
kill $!
wait $!
echo "the server ends with $?"
ls tandem-home/tmp
cd ..
diff here.txt there.txt && [ "$(grep -c '^\$' here.txt)" -ge 40 ] && echo same
