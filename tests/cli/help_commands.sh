# Every command's own help has its usage, its options and an example.
. "$DATA/try.sh"
for command in new "model check" "model predict" "source add" "source list" "source show" load "release check" \
    "release pack" "release list" "release show" run "quarantine show" "table list" "table show" "table get" \
    "table export" promote rollback status predict serve version; do
    try tandem $command --help
done
