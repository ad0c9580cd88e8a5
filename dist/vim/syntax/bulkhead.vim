" Vim syntax of bulkhead policies (doc/policy.md).
" Copy syntax/ and ftdetect/ into ~/.vim, or add dist/vim to 'runtimepath'.
if exists('b:current_syntax')
  finish
endif

syntax case match
setlocal iskeyword=@,48-57,-,_,.
setlocal commentstring=#\ %s

" The word that begins a sentence, and those that may follow it.
syntax match bulkheadSentence /^\s*\zs\(network\|hosts\|roaming\|interfaces\|service\|group\|profile\|default\|tags\|server\|audit\|ring\|include\)\>/
syntax match bulkheadAllow /\(^\s*\|\<default\s\+\)\zsallow\>/
syntax match bulkheadBlock /\(^\s*\|\<default\s\+\)\zsblock\>/
syntax keyword bulkheadClause except from to in out on via if as by even clear until for
syntax keyword bulkheadClause when otherwise authenticated interface and off unused shares of rest soak
syntax keyword bulkheadClause domain namespace certificate kerberos sid tcp udp azure office365
syntax keyword bulkheadLevel secure integrity encrypted private public all
syntax keyword bulkheadSet any internet self localsubnet
syntax keyword bulkheadService smb netbios netbios-ssn netbios-ns netbios-dgm smbdirect all-smb quic

syntax match bulkheadAddress /\<\d\{1,3}\(\.\d\{1,3}\)\{3}\(\/\d\{1,2}\)\?\(-\d\{1,3}\(\.\d\{1,3}\)\{3}\)\?\>/
syntax match bulkheadAddress /[0-9A-Fa-f]*:[0-9A-Fa-f:]*\(\.\d\+\)*\(\/\d\{1,3}\)\?/
syntax match bulkheadDate /\<\d\{4}-\d\{2}-\d\{2}\>/
syntax match bulkheadNumber /\<\d\+\(%\|s\|m\|h\|d\)\?\(\s\+\(seconds\?\|minutes\?\|hours\?\|days\?\|weeks\?\)\)\?\>/
syntax match bulkheadUnc /\\\\[^ \t,]\+\\[^ \t,]\+/
syntax match bulkheadSid /\<S-1-[0-9-]\+\>/

syntax region bulkheadReason start=/"/ end=/"/ oneline
syntax match bulkheadContinues /\\\s*$/
syntax match bulkheadRemark /#.*$/ contains=@Spell

highlight default link bulkheadSentence Statement
highlight default link bulkheadAllow Function
highlight default link bulkheadBlock Exception
highlight default link bulkheadClause Keyword
highlight default link bulkheadLevel StorageClass
highlight default link bulkheadSet Constant
highlight default link bulkheadService Type
highlight default link bulkheadAddress Number
highlight default link bulkheadDate Number
highlight default link bulkheadNumber Number
highlight default link bulkheadUnc String
highlight default link bulkheadSid Identifier
highlight default link bulkheadReason String
highlight default link bulkheadContinues Special
highlight default link bulkheadRemark Comment

let b:current_syntax = 'bulkhead'
