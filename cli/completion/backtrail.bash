# bash completion for backtrail

_backtrail_options() {
    case "$1" in
    ingest) echo "--store --hosts --format --case --segment-events --keep-records --retention-days --retention-record-days --quiet --kafka --topic --once --group --state-topic --dead-letter-topic -X --help" ;;
    find) echo "--store --kind --since --until --limit --output --show-records --max-s --help" ;;
    trace) echo "--store --from --at --backward --forward --strategy --entries --budget --evidence --output --timeline --tree --show-records --no-stats --explain --max-s --help" ;;
    loss) echo "--store --from --at --assets --budget --output --max-s --help" ;;
    "store stat") echo "--store --by --inputs --quarantine --max-s --help" ;;
    "store gaps") echo "--store --max-s --help" ;;
    "store verify") echo "--store --root --output --certify --help" ;;
    "store thin") echo "--store --before --dry-run --output --help" ;;
    "store compact") echo "--store --help" ;;
    "store prune") echo "--store --before --records-before --keep-days --keep-record-days --dry-run --output --help" ;;
    "store export") echo "--store --since --until --hosts --help" ;;
    "store import") echo "--store --help" ;;
    "store hold") echo "add list remove --store --host --since --until --why --output --help" ;;
    store) echo "stat gaps verify compact thin prune hold export import --help" ;;
    daemon) echo "--config --check --help" ;;
    lag) echo "--config --output --max-s --help" ;;
    *) echo "ingest find trace loss store daemon lag --help --version" ;;
    esac
}

_backtrail_values() {
    case "$1/$2" in
    */--kind) echo "process file flow channel rendezvous session user host container registry service task wmi dns share memory" ;;
    trace/--output) echo "text json dot graphml" ;;
    find/--output | loss/--output | store/--output | lag/--output) echo "text json" ;;
    trace/--strategy) echo "critical backtracker readonly priotracker nodoze depimpact" ;;
    trace/--budget | loss/--budget) echo "edges= time= memory=" ;;
    trace/--evidence) echo "first all" ;;
    trace/--from | loss/--from) echo "record: origin: process: file: flow: id:" ;;
    */--by) echo "host,source" ;;
    esac
}

_backtrail() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} values
    [ "$COMP_CWORD" -gt 1 ] || command=
    [ "$command" != store ] || [ "$COMP_CWORD" -le 2 ] || command="store ${COMP_WORDS[2]}"
    values=$(_backtrail_values "${command%% *}" "$before")
    if [ -n "$values" ]; then
        mapfile -t COMPREPLY < <(compgen -W "$values" -- "$word")
        case $word$before in *--budget | *--from) compopt -o nospace ;; esac
    elif [ "$before" = --store ]; then
        mapfile -t COMPREPLY < <(compgen -d -- "$word")
    elif [[ $before =~ ^--(hosts|config|assets)$ ]] || { [[ $command =~ ^(ingest|store export|store import)$ ]] && [[ $word != -* ]]; }; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
    else
        mapfile -t COMPREPLY < <(compgen -W "$(_backtrail_options "$command")" -- "$word")
    fi
}

complete -F _backtrail backtrail
