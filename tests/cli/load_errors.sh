# Loads that change nothing.
. "$DATA/try.sh"
quiet tandem source add "$DATA/shop/sources.yaml"
try tandem load customer "$DATA/shop/customers.csv"
try tandem load customers none.csv
try tandem load customers "$DATA/shop"
try tandem load customers "$DATA/shop/customers.csv" none.csv
: >empty.csv
try tandem load customers empty.csv
printf 'region\nnorth\n' >keyless.csv
try tandem load customers keyless.csv
printf 'customer,orders,orders\nann,1,2\n' >twice.csv
try tandem load customers twice.csv
printf '\377\376c' >bytes.csv
try tandem load customers bytes.csv
gzip -c "$DATA/shop/customers.csv" | head -c 60 >cut.csv.gz
try tandem load customers cut.csv.gz
printf 'events:\n  kind: events\n  id: id\n  time: at\n  columns: {id: string, at: timestamp}\n' >events.yaml
quiet tandem source add events.yaml
try tandem load events empty.csv
try tandem source list
sed 's/,/;/g' "$DATA/shop/customers.csv" >semicolons.csv
try tandem load customers semicolons.csv
