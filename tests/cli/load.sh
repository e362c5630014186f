# Versions of a table source: replaced, superseded, ignored, missing columns, several files.
. "$DATA/try.sh"
quiet tandem source add "$DATA/shop/sources.yaml"
try tandem load customers "$DATA/shop/customers.csv"
printf 'shoe,customer,orders,since\n38,ann,5,2012-01-05T00:00:00Z\n39,fay,1,2013-01-24T00:00:00Z\n' >a.csv
printf 'customer,orders,since\nfay,2,2013-01-24T00:00:00Z\nann,6,2012-01-05T00:00:00Z\n' >b.csv
try tandem load customers a.csv b.csv
try tandem load customers --json a.csv
printf '{"customer":"gus","orders":3,"spent":null,"since":"2013-01-24T00:00:00+01:00"}\n' >c.jsonl
try tandem load customers c.jsonl
gzip -k a.csv
zstd -q b.csv
try tandem load customers a.csv.gz b.csv.zst
cat b.csv | try tandem load customers -
try tandem source list
try tandem load customers --replace b.csv
try tandem source list
