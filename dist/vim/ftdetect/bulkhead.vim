autocmd BufNewFile,BufRead *.policy setfiletype bulkhead
