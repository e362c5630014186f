# Absolute limits of a release, by rows and by code: over them the run fails with exit code 1.
. "$DATA/try.sh"
shop_home
cp "$DATA"/shop/* .
sed -i 's/  gates: .*/&\n  quarantine: {rows_max: 1, codes: {field_type: 0}}/' release.yaml
quiet tandem release pack .
printf 'customer,coupon\nann,1\nbob,much\ncid,0\n' >one.csv
printf 'customer,coupon\nann,1\nbob,99\ncid,0\n' >other.csv
printf 'customer,coupon\nann,1\nbob,99\ncid,0\ndee,99\neve,1\n' >two.csv
for file in one other two; do
    try tandem run churn --as-of 2013-06-14T06:00:00Z --population $file.csv --threads 2
done
