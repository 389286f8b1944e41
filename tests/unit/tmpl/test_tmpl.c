// The expectations of the two tables are what Go 1.26's text/template gives for the same data.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "atlas/base/json.h"
#include "atlas/tmpl.h"

static Value *file(Arena *mem, const char *name, const char *version, int64_t n) {
    Value *v = value_struct(mem, "main.File");
    value_set_str(v, mem, "Name", name, 0);
    value_set_str(v, mem, "Version", version, 0);
    value_set_int(v, mem, "N", n, 0);
    return v;
}

static Value *parsed(Arena *mem, const char *json) {
    Value *v;
    assert_null(json_parse(&v, str_from(json), NULL, mem));
    return v;
}

static Value *sample(Arena *mem) {
    Value *top = value_struct(mem, "main.Top"), *env = value_struct(mem, "main.URL");
    Value *files = value_list(mem);
    value_set_str(env, mem, "Scheme", "sqlite", 0);
    value_set_str(env, mem, "Host", "app.db", 0);
    value_set(env, mem, "User", value_null(mem), 0);
    value_push(files, mem, file(mem, "1_a.sql", "1", 3));
    value_push(files, mem, file(mem, "2.sql", "2", 0));
    value_set(top, mem, "Env", env, 0);
    value_set(top, mem, "Files", files, 0);
    value_set_str(top, mem, "Current", "v1", 0);
    value_set_int(top, mem, "Total", 7, 0);
    value_set_bool(top, mem, "Ok", true, 0);
    value_set(top, mem, "F", value_real(mem, 2.5), 0);
    value_set(top, mem, "T", value_time(mem, (Time){1714557600, 120000000, 0, true}), 0);
    value_set(top, mem, "D", value_duration(mem, 1500000), 0);
    value_set(top, mem, "M",
              parsed(mem, "{\"b\":1,\"a\":\"x\",\"n\":null,\"deep\":{\"k\":[1,\"two\",3.5]}}"), 0);
    value_set(top, mem, "L", parsed(mem, "[1,\"s\",null,true]"), 0);
    value_set(top, mem, "Nil", value_null(mem), 0);
    value_set(top, mem, "Empty", value_list(mem), 0);
    return top;
}

// The output, with "!! " and the text of the error behind it if there is one.
static const char *run_with(Arena *mem, const char *text, Value *data, const TmplOptions *options) {
    Tmpl *t;
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    AutoErr e = tmpl_parse(&t, "t", text, &tmpl_shared_funcs, mem);
    if (!e)
        e = tmpl_run(&out, t, NULL, data, options);
    if (e)
        buf_printf(&out, "!! %s", err_text(e));
    return out.ptr;
}

static void check(const char *text, const char *expected) {
    AutoArena mem = arena_new(NULL);
    assert_string_equal(run_with(mem, text, sample(mem), NULL), expected);
}

struct Case {
    const char *text, *expected;
};

static const struct Case outputs[] = {
    {"{{.Current}}", "v1"},
    {"{{.}}", "{{sqlite app.db <nil>} [{1_a.sql 1 3} {2.sql 2 0}] v1 7 true 2.5 2024-05-01 10:00:0"
              "0.12 +0000 UTC 1.5ms map[a:x b:1 deep:map[k:[1 two 3.5]] n:<nil>] [1 s <nil> true] "
              "<nil> []}"},
    {"{{.Env}} {{printf \"%+v\" .Env}} {{.Files}} {{.M}} {{.L}} {{.T}} {{.D}} {{.F}}",
     "{sqlite app.db <nil>} {Scheme:sqlite Host:app.db User:<nil>} [{1_a.sql 1 3} {2.sql "
     "2 0}] map[a:x b:1 deep:map[k:[1 two 3.5]] n:<nil>] [1 s <nil> true] 2024-05-01 10:0"
     "0:00.12 +0000 UTC 1.5ms 2.5"},
    {"{{range .Files}}{{.Name}},{{end}}", "1_a.sql,2.sql,"},
    {"{{range $i, $f := .Files}}{{$i}}={{$f.Name}} {{else}}none{{end}}", "0=1_a.sql 1=2.sql "},
    {"{{range $k, $v := .M}}{{$k}}={{$v}};{{end}}",
     "a=x;b=1;deep=map[k:[1 two 3.5]];n=<no value>;"},
    {"{{range .Empty}}x{{else}}none{{end}}", "none"},
    {"{{range 3}}{{.}}{{end}} {{range $i := 2}}{{$i}}{{end}}", "012 01"},
    {"{{range .Files}}{{if eq .N 0}}{{break}}{{end}}{{.N}}{{end}}", "3"},
    {"{{range .L}}{{if not .}}{{continue}}{{end}}<{{.}}>{{end}}", "<1><s><true>"},
    {"{{with .Current}}[{{.}}]{{else}}no{{end}}{{with .Empty}}x{{else with .Ok}}ok{{else}"
     "}z{{end}}",
     "[v1]ok"},
    {"{{if .Ok}}a{{else if .Empty}}b{{else}}c{{end}} {{if and .Ok (gt .Total 5)}}big{{end}}",
     "a big"},
    {"{{$x := 1}}{{$x}}{{$x = 2}}{{$x}}{{range .Files}}{{$x = .N}}{{end}}{{$x}}", "120"},
    {"{{define \"a\"}}<{{.}}>{{end}}{{template \"a\" .Current}}{{block \"b\" .Total}}({{."
     "}}){{end}}{{template \"a\"}}",
     "<v1>(7)<<no value>>"},
    {"{{define \"a\"}}{{template \"a\"}}{{end}}", ""},
    {"a  {{- 1 -}}  b {{/* c */}} d {{- /* e */ -}} f", "a1b  df"},
    {"{{printf \"%d %s %q %x %X %o %b %c %t %f %e %g %5d|%-10s|%05.2f %% %T %U\" 42 \"s\""
     " \"q\\\"\" \"hex\" 255 8 5 65 true 1.5 1234.5 0.1 42 \"ab\" 3.14159 .Total 9731}}",
     "42 s \"q\\\"\" 686578 FF 10 101 A true 1.500000 1.234500e+03 0.1    42|ab        |0"
     "3.14 % int U+2603"},
    {"{{printf \"%d\" \"x\"}} {{printf \"%s\" 3}} {{printf \"%d\"}} {{printf \"x\" 1 \"a"
     "\"}} {{printf \"%!\"}} {{printf \"%z\" 1}} {{printf \"%v %d\" nil nil}}",
     "%!d(string=x) %!s(int=3) %!d(MISSING) x%!(EXTRA int=1, string=a) %!!(MISSING) %!z(i"
     "nt=1) <nil> %!d(<nil>)"},
    {"{{printf \"%[2]s %[1]s\" \"a\" \"b\"}} {{printf \"%*d|%-5d|%+d|%x|%#x|% d\" 5 1 2 3"
     " 255 255 7}}",
     "b a     1|2    |+3|ff|0xff| 7"},
    {"{{printf \"%6.2f|%-8.3f|%08.3f|%+.1e|%g|%G\" 3.14159 2.0 -3.5 12345.678 1e21 1e-7}}",
     "  3.14|2.000   |-003.500|+1.2e+04|1e+21|1E-07"},
    {"{{print 1 2 \"a\" \"b\" 3 nil true}} {{println \"x\" 1}}", "1 2ab3 <nil> true x 1\n"},
    {"{{index .Files 0}} {{index .M \"a\"}} {{index .M \"zz\"}} {{index .M \"deep\" \"k\""
     " 1}} {{index \"abc\" 1}}",
     "{1_a.sql 1 3} x <no value> two 98"},
    {"{{eq 1 1}} {{eq 1 2 3 1}} {{eq \"a\" \"a\"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt "
     "3 2}} {{ge 2 3}} {{lt \"a\" \"b\"}} {{eq .Nil nil}} {{eq 1.5 1.5}}",
     "true true true true true true true false true true true"},
    {"{{html \"<a href='x'>\\\"&\"}} {{js \"a'b\\\"<>&=\\n\\\\\303\251\"}} {{urlquery \"a"
     " b&c=\303\251\"}}",
     "&lt;a href=&#39;x&#39;&gt;&#34;&amp; a\\'b\\\"\\u003C\\u003E\\u0026\\u003D\\u000A\\"
     "\\\303\251 a+b%26c%3D%C3%A9"},
    {"{{\"a\\tb\\x41\303\251\" }} {{`raw\\n`}} {{'a'}} {{'\\n'}} {{0x1F}} {{0b101}} {{017"
     "}} {{1_000}} {{1e3}} {{1.5e-3}} {{-4}} {{+5}} {{1e6}} {{123456789.0}} {{100000.0}} "
     "{{0x1p4}}",
     "a\tbA\303\251 raw\\n 97 10 31 5 15 1000 1000 0.0015 -4 5 1e+06 1.23456789e+08 100000 16"},
    {"{{.T.Format \"2006-01-02 15:04:05.000\"}} {{.T.Unix}} {{.D.Seconds}} {{.D.String}} "
     "{{.T.IsZero}} {{.T.Year}}",
     "2024-05-01 10:00:00.120 1714557600 0.0015 1.5ms false 2024"},
    {"{{.T.Format \"Mon Jan _2 3:04PM 06 MST -0700 Z07:00 .999\"}} {{.T.Format \"Monday, "
     "02-January-2006 15:04:05.999999\"}}",
     "Wed May  1 10:00AM 24 UTC +0000 Z .12 Wednesday, 01-May-2024 10:00:00.12"},
    {"{{ .Current | }}", "v1"},
    {"{{with $x := .Current}}{{$x}}{{end}}{{if $x := .Ok}}{{$x}}{{end}}", "v1true"},
    {"{{range $i := .L}}{{$i}},{{end}}", "1,s,<no value>,true,"},
    {"{{ index .L 0 | printf \"%03d\" }}{{ index .L 2 }}", "001<no value>"},
    {"{{ $ }}",
     "{{sqlite app.db <nil>} [{1_a.sql 1 3} {2.sql 2 0}] v1 7 true 2.5 2024-05-01 10:00:0"
     "0.12 +0000 UTC 1.5ms map[a:x b:1 deep:map[k:[1 two 3.5]] n:<nil>] [1 s <nil> true] "
     "<nil> []}"},
    {"{{ $.Current }} {{ with .M }}{{ $.Total }}{{ .a }}{{ end }}", "v1 7x"},
    {"{{ (.Env).Host }} {{ (print \"a\" \"b\") }} {{ ((1)) }}", "app.db ab 1"},
    {"{{- range $i, $f := .Files -}} {{ if $i }}, {{ end }}{{ $f.Version }} {{- end -}}", "1, 2"},
    {"{{ printf \"%v %v %v\" .Env .L .M }} {{ printf \"%s %d\" .L .L }} {{ printf \"%q\" .L }}",
     "{sqlite app.db <nil>} [1 s <nil> true] map[a:x b:1 deep:map[k:[1 two 3.5]] n:<nil>]"
     " [%!s(int=1) s <nil> %!s(bool=true)] [1 %!d(string=s) <nil> %!d(bool=true)] ['\\x01"
     "' \"s\" <nil> %!q(bool=true)]"},
    {"{{ printf \"%x\" \"hello\" }} {{ printf \"% x\" \"abc\" }} {{ printf \"%#q\" \"a\" "
     "}} {{ printf \"%q\" 65 }} {{ printf \"%.2s|%5.1s|%-5s|\" \"hello\" \"hello\" \"\303"
     "\251\" }}",
     "68656c6c6f 61 62 63 `a` 'A' he|    h|\303\251    |"},
    {"{{ printf \"%t\" 1 }} {{ printf \"%s\" .T }} {{ printf \"%d\" .D }} {{ printf \"%v"
     "\" .D }} {{ printf \"%s\" true }} {{ printf \"%5t\" true }}",
     "%!t(int=1) 2024-05-01 10:00:00.12 +0000 UTC 1500000 1.5ms %!s(bool=true)  true"},
    {"{{ printf \"%T %T %T %T %T %T\" 1 \"a\" 1.5 true .D .T }}",
     "int string float64 bool time.Duration time.Time"},
    {"{{ printf \"%v\" 1e20 }} {{ printf \"%v\" 0.000001 }} {{ printf \"%g\" 100000.0 }} "
     "{{ 1234567.0 }} {{ printf \"%.3g\" 1234567.0 }} {{printf \"%08d|%-8d|%+08d\" 42 42 "
     "42}}",
     "1e+20 1e-06 100000 1.234567e+06 1.23e+06 00000042|42      |+0000042"},
    {"{{ .M.deep.k }} {{ range $i, $e := .M.deep.k }}{{ $i }}{{ $e }}{{ end }}",
     "[1 two 3.5] 011two23.5"},
    {"{{ range .Nil }}x{{ else }}nil{{ end }} {{ if .T }}t{{ end }}{{ if .D }}d{{ end }}",
     "nil td"},
    {"{{ print .Nil }} {{ print .M.n }} {{ print .M.zz }} {{ html .Nil }}",
     "<nil> <nil> <nil> &lt;no value&gt;"},
    {"{{ \"a\" | len | printf \"%d-%d\" 5 }}", "5-1"},
    {"{{ .Files | len }} {{ .Total | eq 7 }}", "2 true"},
    {"{{ if and .Ok }}y{{ end }}{{ if or .Empty .Nil }}n{{ else }}m{{ end }}", "ym"},
    {"{{ eq .Env .Env }} {{ eq .T .T }} {{ eq .D 1500000 }}", "true true true"},
    {"{{ printf \"%d%%\" 50 }} {{ printf \"%s\" nil }} {{ printf \"%5s|%-5s|\" \"\303\251"
     "\" \"\346\227\245\346\234\254\" }}",
     "50% %!s(<nil>)     \303\251|\346\227\245\346\234\254   |"},
    {"{{ .Current\n| printf \"%s\"\n}}", "v1"},
    {"  \n {{- 1 }}\n{{- 2 -}}\n 3", "123"},
    {"{{len .Files}}", "2"},
    {"{{len \"abc\"}}", "3"},
    {"{{len .M}}", "4"},
    {"{{slice \"hello\" 1 3}}", "el"},
    {"{{slice .L 1 3}}", "[s <nil>]"},
    {"{{slice \"hello\" 2}}", "llo"},
    {"{{and 1 0 2}}", "0"},
    {"{{or 0 \"\" \"x\"}}", "x"},
    {"{{not 1}}", "false"},
    {"{{not \"\"}}", "true"},
    {"{{true}}", "true"},
    {"{{false}}", "false"},
    {"{{.Current | printf \"%s-%s\" \"x\"}}", "x-v1"},
    {"{{.Total | print}}", "7"},
    {"{{(index .Files 0).Name}}", "1_a.sql"},
    {"{{printf \"%5d|%-10s|%05.2f\" 42 \"ab\" 3.14159}}", "   42|ab        |03.14"},
    {"{{printf \"%x %X %o %b %c\" 255 255 8 5 65}}", "ff FF 10 101 A"},
    {"{{printf \"%e %E %f %F %g %G\" 1234.5678 1234.5678 1234.5678 1234.5678 1234.5678 12"
     "34.5678}}",
     "1.234568e+03 1.234568E+03 1234.567800 1234.567800 1234.5678 1234.5678"},
    {"{{printf \"%t %v\" true false}}", "true false"},
    {"{{printf \"%q %q\" \"a\\\"b\" 'x'}}", "\"a\\\"b\" 'x'"},
    {"{{printf \"%6.3d|%+.2d|%x|%#o|%#b|%#X\" 7 7 -255 8 5 255}}", "   007|+07|-ff|010|0b101|0XFF"},
    {"{{printf \"%-+5d|%+-5d|%05d|%-05d|%x\" 3 3 -3 -3 \"\\xff\"}}", "+3   |+3   |-0003|-3   |ff"},
    {"{{printf \"%s|%v|%d\" .Files .Files .Files}}",
     "[{1_a.sql 1 %!s(int=3)} {2.sql 2 %!s(int=0)}]|[{1_a.sql 1 3} {2.sql 2 0}]|[{%!d(str"
     "ing=1_a.sql) %!d(string=1) 3} {%!d(string=2.sql) %!d(string=2) 0}]"},
    {"{{printf \"%v %+v\" .Files .Files}}",
     "[{1_a.sql 1 3} {2.sql 2 0}] [{Name:1_a.sql Version:1 N:3} {Name:2.sql Version:2 N:0}]"},
    {"{{printf \"%!|%%|%z|%\" 1}}", "%!!(int=1)|%|%!z(MISSING)|%!(NOVERB)"},
    {"{{printf \"%d %d\" 1}}", "1 %!d(MISSING)"},
    {"{{printf \"%s %s\" \"a\" \"b\" \"c\" 1 nil}}", "a b%!(EXTRA string=c, int=1, <nil>)"},
    {"{{printf \"%[3]d %[1]d\" 1 2}}", "%!d(BADINDEX) 1"},
    {"{{printf \"%[x]d %[1]\" 1 2}}", "%!d(BADINDEX) %!(NOVERB)"},
    {"{{printf \"%*d %.*f\" 5 1 2 3.14159}}", "    1 3.14"},
    {"{{printf \"%-*d|\" 5 1}}", "1    |"},
    {"{{printf \"%*d\" \"x\" 1}}", "%!(BADWIDTH)1"},
    {"{{printf \"%U %#U\" 9731 9731}}", "U+2603 U+2603 '\342\230\203'"},
    {"{{printf \"%08.3f|%+08.3f|%-8.2f|% f\" 3.14159 3.14159 3.14159 3.14159}}",
     "0003.142|+003.142|3.14    | 3.141590"},
    {"{{printf \"%g %g %g %g\" 1e5 1e6 1e-4 1e-5}}", "100000 1e+06 0.0001 1e-05"},
    {"{{printf \"%.3g %.10g %6g|\" 1234.5678 1234.5678 1.5}}", "1.23e+03 1234.5678    1.5|"},
    {"{{printf \"%s\" .M}} {{printf \"%d\" .M}} {{printf \"%v\" .M.deep}}",
     "map[a:x b:%!s(int=1) deep:map[k:[%!s(int=1) two %!s(float64=3.5)]] n:<nil>] map[%!d"
     "(string=a):%!d(string=x) %!d(string=b):1 %!d(string=deep):map[%!d(string=k):[1 %!d("
     "string=two) %!d(float64=3.5)]] %!d(string=n):<nil>] map[k:[1 two 3.5]]"},
    {"{{printf \"%10s|%-10s|%.3s|%q\" .D .D .D .D}}", "     1.5ms|1.5ms     |1.5|\"1.5ms\""},
    {"{{printf \"%x\" .L}} {{printf \"%5v|%-5v|\" .L .L}}",
     "[1 73 <nil> %!x(bool=true)] [    1     s <nil>  true]|[1     s     <nil> true ]|"},
    {"{{printf \"%v %s %d\" .Nil .Nil .Nil}}", "<nil> %!s(<nil>) %!d(<nil>)"},
    {"{{printf \"%t\" \"x\"}} {{printf \"%c\" \"x\"}} {{printf \"%e\" 1}} {{printf \"%d\""
     " 1.5}} {{printf \"%s\" 1.5}}",
     "%!t(string=x) %!c(string=x) %!e(int=1) %!d(float64=1.5) %!s(float64=1.5)"},
    {"{{print}} {{println}} {{print \"a\" 1 2 \"b\" 3}} {{print nil nil}} {{print .D .T}}",
     " \n a1 2b3 <nil> <nil> 1.5ms 2024-05-01 10:00:00.12 +0000 UTC"},
    {"{{html \"a\\x00b\"}} {{html 1 \"<\"}} {{js \"</script>\\u2028\"}} {{urlquery \"a/b?"
     "c=d e\" 1}}",
     "a\357\277\275b 1&lt; \\u003C/script\\u003E\\u2028 a%2Fb%3Fc%3Dd+e1"},
    {"{{.T}} {{.T.UTC}} {{.T.UnixMilli}} {{.T.Day}} {{.D.Milliseconds}} {{.D.Minutes}} {{"
     ".D.Hours}} {{.D.Microseconds}} {{.D.Nanoseconds}}",
     "2024-05-01 10:00:00.12 +0000 UTC 2024-05-01 10:00:00.12 +0000 UTC 1714557600120 1 1"
     " 2.5e-05 4.1666666666666667e-07 1500 1500000"},
    {"{{.T.Before .T}} {{.T.After .T}} {{.T.Equal .T}} {{.T.Sub .T}} {{.T.Add .D}}",
     "false false true 0s 2024-05-01 10:00:00.1215 +0000 UTC"},
    {"{{.T.Format \"02 Jan 06 15:04 MST\"}}|{{.T.Format \"2006-01-02T15:04:05Z07:00\"}}|{"
     "{.T.Format \"15:04:05.000000\"}}|{{.T.Format \"3:4:5 pm\"}}|{{.T.Format \"Jan _2 15"
     ":04:05.00\"}}",
     "01 May 24 10:00 UTC|2024-05-01T10:00:00Z|10:00:00.120000|10:0:0 am|May  1 10:00:00.12"},
    {"{{not .Nil}} {{not .T}} {{not .D}} {{not .M}}", "true false false false"},
    {"{{range $x := .M}}{{$x}},{{end}}", "x,1,map[k:[1 two 3.5]],<no value>,"},
    {"{{range $i, $c := .Files}}{{range $j, $d := $.L}}{{if eq $j 2}}{{break}}{{end}}{{$i"
     "}}{{$j}} {{end}}{{end}}",
     "00 01 10 11 "},
    {"{{with $x := 3}}{{with $y := 4}}{{$x}}{{$y}}{{end}}{{$x}}{{end}}", "343"},
    {"{{$x := 1}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}", "21"},
    {"{{$i := 0}}{{$v := 0}}{{range $i, $v = .L}}{{end}}{{$i}} {{$v}}", "3 true"},
    {"{{define \"T\"}}{{range .}}[{{.}}]{{end}}{{end}}{{template \"T\" .L}}{{with 1}}{{te"
     "mplate \"T\" $.M}}{{end}}",
     "[1][s][<no value>][true][x][1][map[k:[1 two 3.5]]][<no value>]"},
    {"{{define \"a\"}}{{end}}{{define \"a\"}}x{{end}}{{template \"a\"}}", "x"},
    {"{{template \"x\" .Current | printf \"%s!\"}}{{define \"x\"}}<{{.}}>{{end}}", "<v1!>"},
    {"{{(.Files)}} {{((index .Files 1)).Name}} {{(index .M \"deep\").k}} {{(slice .Files 1 2)}}",
     "[{1_a.sql 1 3} {2.sql 2 0}] 2.sql [1 two 3.5] [{2.sql 2 0}]"},
    {"{{ true | not }}", "false"},
    {"{{ 0 | index .Files }}", "{1_a.sql 1 3}"},
    {"{{ slice .L 0 2 4 }}", "[1 s]"},
    {"{{ lt .D 5 }} {{ gt .D 5 }} {{ le 1.5 .F }}", "false true true"},
    {"{{ \"\\u00e9\\U0001F600\\101\\x21\\a\" | printf \"%q\" }}",
     "\"\303\251\360\237\230\200A!\\a\""},
    {"{{ '\303\251' }} {{ '\\u00e9' }} {{ '\\'' }} {{ '\\x41' }}", "233 233 39 65"},
    {"{{ 0o17 }} {{ 0B11 }} {{ 0X1f }} {{ 1_0.5 }} {{ .5 }} {{ 5. }} {{ -0x10 }} {{ 1e-7 "
     "}} {{ 0x1.8p1 }}",
     "15 3 31 10.5 0.5 5 -16 1e-07 3"},
    {"{{ 9223372036854775807 }} {{ -9223372036854775808 }}",
     "9223372036854775807 -9223372036854775808"},
    {"{{- 3 -}}", "3"},
    {"{{-3}} {{- -3}}", "-3-3"},
    {"{{3 -}}x", "3x"},
    {"{{ .Current -}}   y   {{- .Current }}", "v1yv1"},
    {"{{/* a */ -}}   z", "z"},
    {"{{- /* a */}}", ""},
    {"{{/**/}}q", "q"},
    {"{{.Current}}}}", "v1}}"},
    {"}} {{ \"{{\" }} {{ \"}}\" }}", "}} {{ }}"},
    {"{{ $x := 1 | print }}{{ $x }}", "1"},
    {"{{ $ := 1 }}{{ $ }}", "1"},
    {"{{ (.Current | ) }}", "v1"},
    {"{{ print (.Current) .Total (len .L) }}", "v17 4"},
    {"{{ print $ | len | eq 0 }}", "false"},
    {"{{ and 0 .Env.Nope }} {{ or 1 .Env.Nope }} {{ 0 | and 1 }} {{ 0 | or 0 5 }} {{ and "
     "1 2 3 }} {{ or 0 \"\" }}",
     "0 1 0 5 3 "},
};

// The output so far, "!! ", the error.
static const struct Case errors[] = {
    {"{{.M.n.y}}",
     "!! template: t:1:4: executing \"t\" at <.M.n.y>: nil pointer evaluating interface {}.y"},
    {"{{.Env.Nope}}",
     "!! template: t:1:6: executing \"t\" at <.Env.Nope>: can't evaluate field Nope in ty"
     "pe main.URL"},
    {"{{ .Env.Host.X }}",
     "!! template: t:1:7: executing \"t\" at <.Env.Host.X>: can't evaluate field X in type string"},
    {"{{range $i, $e := 3}}{{$i}}{{end}}",
     "!! template: t:1:18: executing \"t\" at <3>: can't use 3 to iterate over more than "
     "one variable"},
    {"{{range .Current}}x{{end}}",
     "!! template: t:1:8: executing \"t\" at <.Current>: range can't iterate over v1"},
    {"{{template \"zz\"}}",
     "!! template: t:1:11: executing \"t\" at <{{template \"zz\"}}>: template \"zz\" not defined"},
    {"{{len .Files}} {{len \"abc\"}} {{len .M}} {{len .Total}}",
     "2 3 4 !! template: t:1:42: executing \"t\" at <len .Total>: error calling len: len "
     "of type int"},
    {"{{index .Files 5}}",
     "!! template: t:1:2: executing \"t\" at <index .Files 5>: error calling index: index"
     " out of range: 5"},
    {"{{index .Files \"x\"}}",
     "!! template: t:1:2: executing \"t\" at <index .Files \"x\">: error calling index: c"
     "annot index slice/array with type string"},
    {"{{index .Total 1}}",
     "!! template: t:1:2: executing \"t\" at <index .Total 1>: error calling index: can't"
     " index item of type int"},
    {"{{index .Nil 1}}",
     "!! template: t:1:2: executing \"t\" at <index .Nil 1>: error calling index: index o"
     "f untyped nil"},
    {"{{slice \"hello\" 1 3}} {{slice .L 1 3}} {{slice \"hello\" 2}} {{slice \"x\" 3}}",
     "el [s <nil>] llo !! template: t:1:61: executing \"t\" at <slice \"x\" 3>: error cal"
     "ling slice: index out of range: 3"},
    {"{{slice \"hello\" 3 1}}",
     "!! template: t:1:2: executing \"t\" at <slice \"hello\" 3 1>: error calling slice: "
     "invalid slice index: 3 > 1"},
    {"{{eq 1 \"a\"}}",
     "!! template: t:1:2: executing \"t\" at <eq 1 \"a\">: error calling eq: incompatible"
     " types for comparison: int and string"},
    {"{{eq .L .L}}",
     "!! template: t:1:2: executing \"t\" at <eq .L .L>: error calling eq: non-comparable"
     " type [%!s(int=1) s <nil> %!s(bool=true)]: []interface {}"},
    {"{{lt 1 \"a\"}}",
     "!! template: t:1:2: executing \"t\" at <lt 1 \"a\">: error calling lt: incompatible"
     " types for comparison: int and string"},
    {"{{lt nil 1}}",
     "!! template: t:1:2: executing \"t\" at <lt nil 1>: error calling lt: invalid type f"
     "or comparison"},
    {"{{lt true false}}",
     "!! template: t:1:2: executing \"t\" at <lt true false>: error calling lt: invalid t"
     "ype for comparison"},
    {"{{eq 1}}",
     "!! template: t:1:2: executing \"t\" at <eq 1>: error calling eq: missing argument f"
     "or comparison"},
    {"{{and 1 0 2}} {{or 0 \"\" \"x\"}} {{and}}",
     "0 x !! template: t:1:32: executing \"t\" at <and>: wrong number of args for and: wa"
     "nt at least 1 got 0"},
    {"{{not 1}} {{not \"\"}} {{not 1 2}}",
     "false true !! template: t:1:23: executing \"t\" at <not>: wrong number of args for "
     "not: want 1 got 2"},
    {"{{true}} {{false}} {{nil}}",
     "true false !! template: t:1:21: executing \"t\" at <nil>: nil is not a command"},
    {"{{.Current | printf \"%s-%s\" \"x\"}} {{.Total | print}} {{(index .Files 0).Name}} "
     "{{(\"x\").Y}}",
     "x-v1 7 1_a.sql !! template: t:1:82: executing \"t\" at <\"x\">: can't evaluate fiel"
     "d Y in type string"},
    {"{{.T.Format}}",
     "!! template: t:1:4: executing \"t\" at <.T.Format>: wrong number of args for Format"
     ": want 1 got 0"},
    {"{{.T.Nope}}",
     "!! template: t:1:4: executing \"t\" at <.T.Nope>: can't evaluate field Nope in type"
     " time.Time"},
    {"{{.D.Nope}}",
     "!! template: t:1:4: executing \"t\" at <.D.Nope>: can't evaluate field Nope in type"
     " time.Duration"},
    {"{{.Current 1}}",
     "!! template: t:1:2: executing \"t\" at <.Current>: Current has arguments but cannot"
     " be invoked as function"},
    {"{{.M.a 1}}",
     "!! template: t:1:4: executing \"t\" at <.M.a>: a is not a method but has arguments"},
    {"{{1 2}}",
     "!! template: t:1:2: executing \"t\" at <1>: can't give argument to non-function 1"},
    {"{{nil | print}}", "!! template: t:1:2: executing \"t\" at <nil>: nil is not a command"},
    {"{{\"x\" | 1}}", "!! template: t:1: non executable command in pipeline stage 2"},
    {"{{foo}}", "!! template: t:1: function \"foo\" not defined"},
    {"{{$y}}", "!! template: t:1: undefined variable \"$y\""},
    {"{{if}}{{end}}", "!! template: t:1: missing value for if"},
    {"{{if .Ok}}", "!! template: t:1: unexpected EOF"},
    {"{{end}}", "!! template: t:1: unexpected {{end}}"},
    {"{{else}}", "!! template: t:1: unexpected {{else}}"},
    {"{{if .Ok}}a{{else}}b{{else}}c{{end}}", "!! template: t:1: expected end; found {{else}}"},
    {"{{break}}", "!! template: t:1: {{break}} outside {{range}}"},
    {"{{range .L}}{{define \"x\"}}{{end}}{{end}}",
     "!! template: t:1: unexpected <define> in command"},
    {"{{.Current", "!! template: t:1: unclosed action"},
    {"{{.Current}", "!! template: t:1: bad character U+007D '}'"},
    {"{{\"abc}}", "!! template: t:1: unterminated quoted string"},
    {"{{`abc}}", "!! template: t:1: unterminated raw quoted string"},
    {"{{'a}}", "!! template: t:1: unterminated character constant"},
    {"{{(1}}", "!! template: t:1: unclosed left paren"},
    {"{{1)}}", "!! template: t:1: unexpected right paren"},
    {"{{/* abc }}", "!! template: t:1: unclosed comment"},
    {"{{/* abc */ x}}", "!! template: t:1: comment ends before closing delimiter"},
    {"{{.a!}}", "!! template: t:1: bad character U+0021 '!'"},
    {"{{a#b}}", "!! template: t:1: bad character U+0023 '#'"},
    {"{{#}}", "!! template: t:1: unexpected \"#\" in command"},
    {"{{12abc}}", "!! template: t:1: bad number syntax: \"12a\""},
    {"{{1 := 2}}", "!! template: t:1: unexpected \":=\" in operand"},
    {"{{$x, $y := 1}}", "!! template: t:1: too many declarations in command"},
    {"{{range $x, 1 := .L}}{{end}}", "!! template: t:1: range can only initialize variables"},
    {"{{range $x, $y, $z := .L}}{{end}}", "!! template: t:1: too many declarations in range"},
    {"{{template}}", "!! template: t:1: unexpected \"}}\" in template clause"},
    {"{{template 1}}", "!! template: t:1: unexpected \"1\" in template clause"},
    {"{{template \"a\" }}{{define \"a\"}}1{{end}}{{define \"a\"}}2{{end}}",
     "!! template: t:1: template: multiple definition of template \"a\""},
    {"{{define \"x\"}}", "!! template: t:1: unexpected EOF"},
    {"{{define x}}{{end}}", "!! template: t:1: unexpected \"x\" in define clause"},
    {"{{end x}}", "!! template: t:1: unexpected \"x\" in end"},
    {"{{1 | 2}}", "!! template: t:1: non executable command in pipeline stage 2"},
    {"{{. | .}}", "!! template: t:1: non executable command in pipeline stage 2"},
    {"{{|}}", "!! template: t:1: unexpected \"|\" in command"},
    {"{{ , }}", "!! template: t:1: unexpected \",\" in command"},
    {"{{.Total.Foo.Bar}}",
     "!! template: t:1:8: executing \"t\" at <.Total.Foo.Bar>: can't evaluate field Foo i"
     "n type int"},
    {"{{range .Files}}{{.Name.X}}{{end}}",
     "!! template: t:1:23: executing \"t\" at <.Name.X>: can't evaluate field X in type string"},
    {"{{ len }}",
     "!! template: t:1:3: executing \"t\" at <len>: wrong number of args for len: want 1 got 0"},
    {"{{ len 1 2 }}",
     "!! template: t:1:3: executing \"t\" at <len>: wrong number of args for len: want 1 got 2"},
    {"{{ printf }}",
     "!! template: t:1:3: executing \"t\" at <printf>: wrong number of args for printf: w"
     "ant at least 1 got 0"},
    {"{{ 99999999999999999999 }}", "!! template: t:1: integer overflow: \"99999999999999999999\""},
    {"{{ 0x }}", "!! template: t:1: illegal number syntax: \"0x\""},
    {"{{ 1.2.3 }}", "!! template: t:1: unexpected \".3\" in operand"},
    {"{{ \"\\q\" }}", "!! template: t:1: invalid syntax"},
    {"{{ 'ab' }}", "!! template: t:1: malformed character constant: 'ab'"},
    {"{{ break }}{{ range .L }}{{ end }}", "!! template: t:1: {{break}} outside {{range}}"},
    {"x{{ $x := }}", "!! template: t:1: missing value for command"},
    {"{{ true.X }}", "!! template: t:1: unexpected . after term \"true\""},
    {"{{ .Env.Host | .Current }}",
     "!! template: t:1:15: executing \"t\" at <.Current>: Current has arguments but canno"
     "t be invoked as function"},
    {"{{ .D.Seconds 1 }}",
     "!! template: t:1:5: executing \"t\" at <.D.Seconds>: wrong number of args for Secon"
     "ds: want 0 got 1"},
    {"{{ eq .Total 7.0 }}",
     "!! template: t:1:3: executing \"t\" at <eq .Total 7.0>: error calling eq: incompati"
     "ble types for comparison: int and float64"},
    {"a\n\n{{ .Bad }}",
     "a\n\n!! template: t:3:3: executing \"t\" at <.Bad>: can't evaluate field Bad in typ"
     "e main.Top"},
    {"line1\n{{ if .Ok }}\n  {{ .Env.\nX }}{{ end }}",
     "!! template: t:3: unexpected <.> in operand"},
    {"{{/* a\nb */}}\n{{ .X.Y }}",
     "\n!! template: t:3:5: executing \"t\" at <.X.Y>: can't evaluate field X in type main.Top"},
    {"x\n{{ .Current", "!! template: t:2: unclosed action"},
    {"{{ if .Ok\n", "!! template: t:2: unclosed action started at t:1"},
    {"{{ (\n1 }}", "!! template: t:2: unclosed left paren in action started at t:1"},
    {"{{len .Total}}",
     "!! template: t:1:2: executing \"t\" at <len .Total>: error calling len: len of type int"},
    {"{{slice \"x\" 3}}",
     "!! template: t:1:2: executing \"t\" at <slice \"x\" 3>: error calling slice: index "
     "out of range: 3"},
    {"{{and}}",
     "!! template: t:1:2: executing \"t\" at <and>: wrong number of args for and: want at"
     " least 1 got 0"},
    {"{{not 1 2}}",
     "!! template: t:1:2: executing \"t\" at <not>: wrong number of args for not: want 1 got 2"},
    {"{{nil}}", "!! template: t:1:2: executing \"t\" at <nil>: nil is not a command"},
    {"{{(\"x\").Y}}",
     "!! template: t:1:3: executing \"t\" at <\"x\">: can't evaluate field Y in type string"},
    {"{{len .T}}",
     "!! template: t:1:2: executing \"t\" at <len .T>: error calling len: len of type time.Time"},
    {"{{if .F}}f{{end}}{{if 0.0}}z{{end}}{{if .M.zz}}m{{end}}{{if nil}}n{{end}}",
     "f!! template: t:1:60: executing \"t\" at <nil>: nil is not a command"},
    {"{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}{{$z = 3}}",
     "2!! template: t:1:52: executing \"t\" at <3>: undefined variable: $z"},
    {"{{range $i, $v = .L}}{{end}}",
     "!! template: t:1:17: executing \"t\" at <.L>: undefined variable: $i"},
    {"{{define \"e\"}}{{.Bad}}{{end}}{{template \"e\" .Env}}",
     "!! template: t:1:16: executing \"e\" at <.Bad>: can't evaluate field Bad in type main.URL"},
    {"{{block \"x\" .Current}}{{.}}{{break}}{{end}}",
     "!! template: t:1: {{break}} outside {{range}}"},
    {"{{range .L}}{{block \"x\" .}}{{break}}{{end}}{{end}}",
     "!! template: t:1: {{break}} outside {{range}}"},
    {"{{ .Env.Host.Foo 1 }}",
     "!! template: t:1:7: executing \"t\" at <.Env.Host.Foo>: can't evaluate field Foo in"
     " type string"},
    {"{{ .Env.Scheme 1 2 }}",
     "!! template: t:1:7: executing \"t\" at <.Env.Scheme>: Scheme has arguments but cann"
     "ot be invoked as function"},
    {"{{ \"x\" \"y\" }}",
     "!! template: t:1:3: executing \"t\" at <\"x\">: can't give argument to non-function \"x\""},
    {"{{ . 1 }}",
     "!! template: t:1:3: executing \"t\" at <.>: can't give argument to non-function ."},
    {"{{ $ 1 }}",
     "!! template: t:1:3: executing \"t\" at <$>: can't give argument to non-function $"},
    {"{{ (1) 2 }}",
     "!! template: t:1:3: executing \"t\" at <(1) 2>: can't give argument to non-function 1"},
    {"{{ 3 | .Total }}",
     "!! template: t:1:7: executing \"t\" at <.Total>: Total has arguments but cannot be "
     "invoked as function"},
    {"{{ .Files | index 0 }}",
     "!! template: t:1:12: executing \"t\" at <index 0>: error calling index: can't index"
     " item of type int"},
    {"{{ index }}",
     "!! template: t:1:3: executing \"t\" at <index>: wrong number of args for index: wan"
     "t at least 1 got 0"},
    {"{{ index .L -1 }}",
     "!! template: t:1:3: executing \"t\" at <index .L -1>: error calling index: index ou"
     "t of range: -1"},
    {"{{ index .L 1.5 }}",
     "!! template: t:1:3: executing \"t\" at <index .L 1.5>: error calling index: cannot "
     "index slice/array with type float64"},
    {"{{ index .M 1 }}",
     "!! template: t:1:3: executing \"t\" at <index .M 1>: error calling index: value has"
     " type int; should be string"},
    {"{{ index .M nil }}",
     "!! template: t:1:3: executing \"t\" at <index .M nil>: error calling index: value i"
     "s nil; should be of type string"},
    {"{{ index .L nil }}",
     "!! template: t:1:3: executing \"t\" at <index .L nil>: error calling index: cannot "
     "index slice/array with nil"},
    {"{{ slice .L 2 1 }}",
     "!! template: t:1:3: executing \"t\" at <slice .L 2 1>: error calling slice: invalid"
     " slice index: 2 > 1"},
    {"{{ slice .L 0 1 2 3 }}",
     "!! template: t:1:3: executing \"t\" at <slice .L 0 1 2 3>: error calling slice: too"
     " many slice indexes: 4"},
    {"{{ slice .Total 1 }}",
     "!! template: t:1:3: executing \"t\" at <slice .Total 1>: error calling slice: can't"
     " slice item of type int"},
    {"{{ slice \"abc\" 0 1 2 }}",
     "!! template: t:1:3: executing \"t\" at <slice \"abc\" 0 1 2>: error calling slice: "
     "cannot 3-index slice a string"},
    {"{{ eq .Current \"v1\" \"v2\" }} {{ eq .Nil .Nil }} {{ ne .Nil 1 }} {{ eq .T .D }}",
     "true true true !! template: t:1:66: executing \"t\" at <eq .T .D>: error calling eq"
     ": incompatible types for comparison: time.Time and time.Duration"},
    {"{{ gt 1 2.0 }}",
     "!! template: t:1:3: executing \"t\" at <gt 1 2.0>: error calling gt: incompatible t"
     "ypes for comparison: int and float64"},
    {"{{ 1__0 }}", "!! template: t:1: illegal number syntax: \"1__0\""},
    {"{{ 1e400 }}", "!! template: t:1: illegal number syntax: \"1e400\""},
    {"{{ - 3 }}", "!! template: t:1: illegal number syntax: \"-\""},
    {"{{3-}}", "!! template: t:1: bad number syntax: \"3-\""},
    {"{{ /* a */ }}", "!! template: t:1: unexpected \"/\" in command"},
    {"{{{.Current}}}", "!! template: t:1: unexpected \"{\" in command"},
    {"{{ `a", "!! template: t:1: unterminated raw quoted string"},
    {"{{ \"a\" \"b\" | print \"c\" }}",
     "!! template: t:1:3: executing \"t\" at <\"a\">: can't give argument to non-function \"a\""},
    {"{{ if .Ok }}{{ else if }}{{ end }}", "!! template: t:1: missing value for if"},
    {"{{ with .Ok }}{{ else if .Ok }}{{ end }}", "!! template: t:1: unexpected <if> in input"},
    {"{{ if .Ok }}{{ else with .Ok }}{{ end }}", "!! template: t:1: unexpected <with> in input"},
    {"{{ else if .Ok }}", "!! template: t:1: unexpected {{else}}"},
    {"{{ range }}{{ end }}", "!! template: t:1: missing value for range"},
    {"{{ range .L }}{{ else }}{{ continue }}{{ end }}",
     "!! template: t:1: {{continue}} outside {{range}}"},
    {"{{ define }}{{ end }}", "!! template: t:1: unexpected \"}}\" in define clause"},
    {"{{ define \"a\" . }}{{ end }}", "!! template: t:1: unexpected <.> in define clause"},
    {"{{ if .Ok }}{{ define \"a\" }}{{ end }}{{ end }}",
     "!! template: t:1: unexpected <define> in command"},
    {"{{ block \"a\" }}{{ end }}", "!! template: t:1: missing value for block clause"},
    {"{{ block }}", "!! template: t:1: unexpected \"}}\" in block clause"},
    {"{{ end }}", "!! template: t:1: unexpected {{end}}"},
    {"{{ .Total | .Total }}",
     "!! template: t:1:12: executing \"t\" at <.Total>: Total has arguments but cannot be"
     " invoked as function"},
    {"{{ .x-y }}", "!! template: t:1: bad character U+002D '-'"},
    {"{{ x.y }}", "!! template: t:1: function \"x\" not defined"},
    {"{{ print.x }}",
     "!! template: t:1:3: executing \"t\" at <print>: can't evaluate field x in type string"},
    {"{{ $.Nope }}",
     "!! template: t:1:4: executing \"t\" at <$.Nope>: can't evaluate field Nope in type main.Top"},
    {"{{ $x := .Nope }}",
     "!! template: t:1:9: executing \"t\" at <.Nope>: can't evaluate field Nope in type main.Top"},
    {"{{ $x.y := 1 }}", "!! template: t:1: undefined variable \"$x\""},
    {"{{ a := 1 }}", "!! template: t:1: function \"a\" not defined"},
    {"{{ .Current := 1 }}", "!! template: t:1: unexpected \":=\" in operand"},
    {"{{ = 1 }}", "!! template: t:1: unexpected \"=\" in command"},
    {"{{ $x = 1 }}", "!! template: t:1:8: executing \"t\" at <1>: undefined variable: $x"},
    {"{{ ( }}", "!! template: t:1: unclosed left paren"},
    {"{{ ) }}", "!! template: t:1: unexpected right paren"},
    {"{{ () }}", "!! template: t:1: missing value for parenthesized pipeline"},
    {"{{ ..Current }}", "!! template: t:1: unexpected . after term \".\""},
    {"{{ .Current. }}", "!! template: t:1: unexpected <.> in operand"},
    {"{{ .. }}", "!! template: t:1: unexpected <.> in operand"},
    {"{{ .1 }} {{ .Current.1 }}", "!! template: t:1: unexpected \".1\" in operand"},
    {"{{ nil.X }}", "!! template: t:1: unexpected . after term \"nil\""},
    {"{{ (nil) }}", "!! template: t:1:4: executing \"t\" at <nil>: nil is not a command"},
    {"{{ (nil).X }}", "!! template: t:1:4: executing \"t\" at <nil>: nil is not a command"},
    {"{{ \"a\".X }}", "!! template: t:1: unexpected . after term \"\\\"a\\\"\""},
    {"{{ 1.X }}", "!! template: t:1: bad number syntax: \"1.X\""},
    {"{{ & }}", "!! template: t:1: unexpected \"&\" in command"},
    {"{{ .Current ; }}", "!! template: t:1: unexpected \";\" in operand"},
    {"{{ .Current ! }}", "!! template: t:1: unexpected \"!\" in operand"},
    {"{{ \"\303\251\" \303\251 }}", "!! template: t:1: function \"\303\251\" not defined"},
    {"{{ \\x00 }}", "!! template: t:1: unexpected \"\\\\\" in command"},
    {"{{ and 1 .Env.Nope }}",
     "!! template: t:1:13: executing \"t\" at <.Env.Nope>: can't evaluate field Nope in t"
     "ype main.URL"},
    {"{{ len (index .M \"deep\") }} {{ len .Env }}",
     "1 !! template: t:1:31: executing \"t\" at <len .Env>: error calling len: len of typ"
     "e main.URL"},
};

static void test_outputs(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(outputs); i++)
        check(outputs[i].text, outputs[i].expected);
}

static void test_errors(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(errors); i++)
        check(errors[i].text, errors[i].expected);
}

static void test_functions(void **state) {
    (void)state;
    check("{{ json .Env }}|{{ json .Env \"  \" }}",
          "{\"Scheme\":\"sqlite\",\"Host\":\"app.db\",\"User\":null}|{\n  \"Scheme\": \"sqlite\",\n"
          "  \"Host\": \"app.db\",\n  \"User\": null\n}");
    check("{{ json .L \"> \" \" \" }}", "[\n>  1,\n>  \"s\",\n>  null,\n>  true\n> ]");
    check("{{ json \"<a&b>\" }}{{ json nil }}", "\"\\u003ca\\u0026b\\u003e\"null");
    check("{{ json_merge \"{\\\"z\\\":1,\\\"a\\\":{\\\"y\\\":1,\\\"b\\\":2}}\" (json .Env) "
          "\"null\" }}",
          "{\"Host\":\"app.db\",\"Scheme\":\"sqlite\",\"User\":null,\"a\":{\"b\":2,\"y\":1},\"z\":"
          "1}");
    check("{{ add 1 2 }} {{ sub 1 2 }} {{ upper \"aB\" }} {{ lower \"aB\" }}", "3 -1 AB ab");
    check("{{ .M.zz | default \"x\" }} {{ default \"x\" .Current }}", "x v1");
    check("{{ join .L \"-\" }} {{ join (split \"a,b,c\" \",\") \" \" }} {{ len (split \"abc\" "
          "\"\") }}",
          "1-s-<nil>-true a b c 3");
    check("{{ repeat \"ab\" 3 }} {{ indent_ln \"a\\nb\" 2 }}", "ababab a\n  b");
    check("{{ base64url \"a+b/c==\" }}", "a-b_c");
    check("pr-7-{{ printf \"%.8s\" (base64url .Current) }}", "pr-7-v1");
    check("{{ cyan \"a\" }}{{ yellow \"%d left\" .Total }}{{ red .Total }}", "a7 left7");
    check("{{ upper 1 }}", "!! template: t:1:3: executing \"t\" at <upper 1>: error calling upper: "
                           "wrong type for value; expected string; got int");
    check("{{ repeat \"ab\" -1 }}", "!! template: t:1:3: executing \"t\" at <repeat \"ab\" -1>: "
                                    "error calling repeat: strings: negative Repeat count");
    check("{{ dec 1 }}", "!! template: t:1: function \"dec\" not defined");
}

static void test_colours(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    const TmplOptions on = {.colour = true};
    assert_string_equal(run_with(mem, "{{ green \"a\" }}{{ red \"%d\" 1 }}{{ cyan 2 }}", NULL, &on),
                        "\x1b[32ma\x1b[0m\x1b[31m1\x1b[0m\x1b[36m2\x1b[0m");
}

static Value *count_calls(const void *arg, Arena *mem) {
    int *calls = (int *)(uintptr_t)arg;
    return value_int(mem, ++*calls);
}

static void test_methods_and_texts(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    int calls = 0;
    Value *v = value_struct(mem, "url.URL");
    value_set_str(v, mem, "Host", "h", 0);
    value_set_lazy(v, mem, "String", count_calls, &calls, M_HIDDEN);
    assert_string_equal(run_with(mem, "{{ . }} {{ printf \"%+v\" . }}", v, NULL), "{h} {Host:h}");
    assert_int_equal(calls, 0);
    assert_string_equal(run_with(mem, "{{ .String }}{{ .String }}", v, NULL), "11");
    v->text = "postgres://h";
    assert_string_equal(run_with(mem, "{{ . }} {{ printf \"%q %v\" . . }} {{ .Host }}", v, NULL),
                        "postgres://h \"postgres://h\" postgres://h h");
}

static void test_missing_key_error(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    const TmplOptions strict = {.missing_key_error = true};
    Value *v = parsed(mem, "{\"a\":{\"b\":1}}");
    assert_string_equal(run_with(mem, "{{ .a.b }}", v, &strict), "1");
    assert_string_equal(
        run_with(mem, "{{ .x }}", v, &strict),
        "!! template: t:1:3: executing \"t\" at <.x>: map has no entry for key \"x\"");
    assert_string_equal(
        run_with(mem, "{{ .a.c }}", v, &strict),
        "!! template: t:1:5: executing \"t\" at <.a.c>: map has no entry for key \"c\"");
}

static void expect_limit(const char *text, const TmplOptions *options, const char *message) {
    AutoArena mem = arena_new(NULL);
    Tmpl *t;
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    assert_null(tmpl_parse(&t, "t", text, &tmpl_shared_funcs, mem));
    AutoErr e = tmpl_run(&out, t, NULL, NULL, options);
    assert_int_equal(err_code(e), E_TOO_LARGE);
    assert_non_null(strstr(err_text(e), message));
}

static void test_limits(void **state) {
    (void)state;
    const TmplOptions small = {.max_output = 1000, .max_steps = 500};
    expect_limit("{{ range 1000000000000 }}{{ end }}", &small, "takes too many steps");
    expect_limit("{{ range 100 }}0123456789abcdef{{ end }}", &small,
                 "the output is over its limit of 1000 bytes");
    expect_limit("{{ range 100 }}{{ $x := repeat \"a\" 900 }}{{ end }}", &small, "too much text");
    expect_limit("{{ $x := repeat \"abcd\" 1000000000 }}", &small, "the repeated text is over");
    check("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}",
          "!! template: t:1:28: executing \"a\" at <{{template \"a\"}}>: exceeded maximum template "
          "depth (500)");
    AutoArena mem = arena_new(NULL);
    Buf deep;
    buf_init(&deep, mem, BUF_MAX_TEXT);
    buf_str(&deep, "{{ ");
    buf_repeat(&deep, "(", 100000);
    assert_string_equal(run_with(mem, deep.ptr, NULL, NULL),
                        "!! template: t:1: max expression depth exceeded");
    buf_clear(&deep);
    buf_repeat(&deep, "{{ if 1 }}", 100000);
    assert_string_equal(run_with(mem, deep.ptr, NULL, NULL),
                        "!! template: t:1: control structures nest deeper than 100");
    buf_clear(&deep);
    buf_repeat(&deep, "{{/* c */}}", 100000);
    assert_string_equal(run_with(mem, deep.ptr, NULL, NULL), "");
}

static Err *twice(const TmplOptions *options, Value *const *args, size_t n, Value **out,
                  Arena *mem) {
    assert_string_equal(options->ctx, "context");
    assert_int_equal(n, 1);
    if (args[0]->kind != V_INT)
        return err_new(E_INVALID, "no number");
    *out = value_int(mem, 2 * args[0]->u.i);
    return NULL;
}

static void test_own_functions(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    static const TmplFunc items[] = {{"twice", 1, 1, twice}, {"upper", 1, 1, twice}};
    const TmplFuncs own = {items, 2, &tmpl_shared_funcs};
    char ctx[] = "context";
    const TmplOptions options = {.ctx = ctx};
    Tmpl *t;
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    assert_null(tmpl_parse(&t, "f", "{{ twice 2 | upper }}{{ lower \"A\" }}", &own, mem));
    assert_null(tmpl_run(&out, t, NULL, NULL, &options));
    assert_string_equal(out.ptr, "8a");
    assert_null(tmpl_parse(&t, "f", "\n {{ twice \"x\" }}", &own, mem));
    AutoErr e = tmpl_run(&out, t, NULL, NULL, &options);
    assert_string_equal(err_text(e), "template: f:2:4: executing \"f\" at <twice \"x\">: error "
                                     "calling twice: no number");
    assert_null(tmpl_parse(&t, "f", "{{ twice }}", &own, mem));
    AutoErr count = tmpl_run(&out, t, NULL, NULL, &options);
    assert_string_equal(err_text(count),
                        "template: f:1:3: executing \"f\" at <twice>: wrong number "
                        "of args for twice: want 1 got 0");
}

static void test_sets(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    Tmpl *set = tmpl_new(NULL, mem);
    Buf out;
    buf_init(&out, mem, BUF_MAX_TEXT);
    assert_null(tmpl_add(set, "main.sql", str_from("{{ template \"shared/t\" . }};")));
    assert_null(
        tmpl_add(set, "shared/t.tmpl", str_from("{{ define \"shared/t\" }}<{{ . }}>{{ end }}")));
    assert_null(tmpl_run(&out, set, "main.sql", value_str(mem, "x"), NULL));
    assert_string_equal(out.ptr, "<x>;");
    buf_clear(&out);
    assert_null(tmpl_add(set, "other", str_from("{{ define \"shared/t\" }}[{{ . }}]{{ end }}")));
    assert_null(tmpl_run(&out, set, NULL, value_str(mem, "x"), NULL));
    assert_string_equal(out.ptr, "[x];");
    AutoErr e = tmpl_run(&out, set, "nope", NULL, NULL);
    assert_int_equal(err_code(e), E_NOT_FOUND);
    assert_string_equal(err_text(e),
                        "template: no template \"nope\" associated with template \"main.sql\"");
}

static void test_quoting(void **state) {
    (void)state;
    AutoArena mem = arena_new(NULL);
    static const struct Case cases[] = {
        {"plain", "\"plain\""},
        {"a\"b\\c\n\t\r", "\"a\\\"b\\\\c\\n\\t\\r\""},
        {"\x01\x7f\xff", "\"\\x01\\x7f\\xff\""},
        {"\303\251 \342\200\250 \360\237\230\200", "\"\303\251 \\u2028 \360\237\230\200\""},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        Buf out;
        Str back;
        buf_init(&out, mem, BUF_MAX_TEXT);
        tmpl_quote(&out, str_from(cases[i].text));
        assert_string_equal(out.ptr, cases[i].expected);
        assert_true(tmpl_unquote(&back, buf_view(&out), mem));
        assert_string_equal(str_dup(mem, back), cases[i].text);
    }
    static const char *const bad[] = {"",          "\"",       "\"a",   "a\"",         "\"\\q\"",
                                      "\"a\nb\"",  "'ab'",     "`a`b`", "\"\\ud800\"", "\"\\x4\"",
                                      "\"\\400\"", "\"a\"b\"", "\"\\\""};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        Str back;
        assert_false(tmpl_unquote(&back, str_from(bad[i]), mem));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_methods_and_texts),
        cmocka_unit_test(test_missing_key_error),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_own_functions),
        cmocka_unit_test(test_sets),
        cmocka_unit_test(test_quoting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
