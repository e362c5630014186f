# Sourced by the scripts: a transcript of commands. What a command says on standard error gets "! " in front, after its
# standard output; an exit code that is not 0 is told.
try() {
    echo "\$ $*"
    "$@" 2>"$HOME/.err"
    local code=$?
    sed 's/^/! /' "$HOME/.err"
    [ $code = 0 ] || echo "(exit $code)"
}
# A command whose output is only needed: silent unless it fails.
quiet() {
    "$@" >/dev/null 2>"$HOME/.err" || { echo "(exit $?: $*)"; cat "$HOME/.err"; }
}
# A home with the shop's sources, data and release: five customers, two regions.
shop_home() {
    quiet tandem source add "$DATA/shop/sources.yaml"
    quiet tandem load customers "$DATA/shop/customers.csv"
    quiet tandem load regions "$DATA/shop/regions.csv"
    quiet tandem release pack "$DATA/shop"
}
# What a run says of the machine.
no_machine() {
    sed -E 's/"peak_memory_bytes":[0-9]+/"peak_memory_bytes":N/; s/("block_us_[a-z0-9]+":)[0-9]+/\1N/g; s/[0-9]+ days old/N days old/'
}
