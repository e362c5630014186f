# Bad records: over the limit nothing is loaded; under it the others are, with the same bits.
. "$DATA/try.sh"
quiet tandem source add "$DATA/shop/sources.yaml"
cat >rows.csv <<'R'
customer,region,orders,spent,since
ann,north,4,200,2012-01-05T00:00:00Z
bob,south,none,1,2013-05-01T00:00:00Z
cid,south,1,1,yesterday
,south,1,1,2013-05-01T00:00:00Z
dee,south,1
"eve",south,1,"a,b",2013-05-01T00:00:00Z
fay,south,1,-inf,2013-05-01T00:00:00Z
R
printf 'g\351e,south,1,1,2013-05-01T00:00:00Z\n' >>rows.csv
try tandem load customers rows.csv
try tandem --json load customers rows.csv
try tandem source list
try tandem load customers rows.csv --bad-max 80%
try tandem quarantine show load-000001
try tandem quarantine show load-000009
