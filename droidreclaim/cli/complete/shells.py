"""What each shell runs at a press of Tab: it asks us, and takes the lines of `complete.main`."""

from __future__ import annotations

# bash hands on the part behind the last : or =, so what stands before is cut off each answer. Names
# that hold $, ; or blanks never come: `serials` and `cache` let none through.
BASH = r"""
_droidreclaim() {
    local line=${COMP_LINE:0:COMP_POINT} words current kept files="" answer
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    current=${words[${#words[@]}-1]}
    kept=${current%"${current##*[:=]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r answer _; do
        if [[ $answer == :files ]]; then files=1; else COMPREPLY+=("${answer#"$kept"}"); fi
    done < <(_DROIDRECLAIM_COMPLETE=bash "$1" "${words[@]:1}" 2>/dev/null)
    if [[ -n $files && ${#COMPREPLY[@]} -eq 0 ]]; then
        compopt -o default 2>/dev/null
    elif [[ -n $files ]]; then
        compopt -o filenames 2>/dev/null
        while IFS= read -r answer; do
            COMPREPLY+=("$answer")
        done < <(compgen -f -- "${current#"$kept"}")
    fi
}
complete -F _droidreclaim droidreclaim
"""

ZSH = r"""
#compdef droidreclaim
_droidreclaim() {
    local -a rows names shown
    local row files=""
    rows=("${(@f)$(_DROIDRECLAIM_COMPLETE=zsh "${words[1]}" \
        "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}")
    for row in "${rows[@]}"; do
        if [[ $row == :files ]]; then
            files=1
        elif [[ -n $row ]]; then
            names+=("${row%%$'\t'*}")
            shown+=("${row/$'\t'/  -- }")
        fi
    done
    (( ${#names} )) && compadd -l -d shown -a names
    if [[ -n $files ]]; then
        compset -P '*='
        _files
    fi
}
if [[ $funcstack[1] == _droidreclaim ]]; then
    _droidreclaim "$@"
else
    compdef _droidreclaim droidreclaim
fi
"""

FISH = r"""
function __droidreclaim_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l rows (_DROIDRECLAIM_COMPLETE=fish $words[1] $words[2..] "$current" 2>/dev/null)
    for row in $rows
        if test "$row" = ":files"
            __fish_complete_path "$current"
        else
            printf '%s\n' $row
        end
    end
end
complete --command droidreclaim --no-files --arguments '(__droidreclaim_complete)'
"""

POWERSHELL = r"""
# Written by the book, never run: no PowerShell was at hand.
Register-ArgumentCompleter -Native -CommandName droidreclaim -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { "$_" })
    $Env:_DROIDRECLAIM_COMPLETE = "powershell"
    $Env:_DROIDRECLAIM_WORD = $wordToComplete
    droidreclaim @words 2>$null | Where-Object { $_ -ne ":files" } | ForEach-Object {
        $word, $about = $_ -Split "`t", 2
        if (-not $about) { $about = $word }
        [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', $about)
    }
    Remove-Item Env:_DROIDRECLAIM_COMPLETE, Env:_DROIDRECLAIM_WORD
}
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH, "powershell": POWERSHELL}


def script(shell: str) -> str:
    """The script for *shell*, one of `SCRIPTS`."""
    return SCRIPTS[shell].lstrip("\n")
