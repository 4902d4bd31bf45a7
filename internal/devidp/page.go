package devidp

import "html/template"

// person is somebody to be.
type person struct {
	Subject, Name, About string
	Roles                []string
}

var people = []person{
	{"ada", "Ada Admin", "administrator", []string{AdminRole}},
	{"alan", "Alan Approver", "approves device registrations", []string{ApproverRole}},
	{"nora", "Nora Newcomer", "no role yet", nil},
}

func find(subject string) (person, bool) {
	for _, p := range people {
		if p.Subject == subject {
			return p, true
		}
	}
	return person{}, false
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Development sign-in</title>
<style>
:root { color-scheme: light dark }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 30rem; margin: 3rem auto; padding: 0 1rem }
.note { border-left: .25rem solid #b45309; padding-left: .75rem }
fieldset { border: 1px solid; border-radius: .5rem; margin: 1rem 0; padding: .75rem 1rem }
label { display: block; padding: .4rem 0 }
button { font: inherit; padding: .6rem 1.2rem; border-radius: .5rem }
</style>
</head>
<body>
<main>
<h1>Development sign-in</h1>
<p class="note">This provider asks for no password. It exists in development mode only.</p>
<p>Organisation <code>{{.Realm}}</code>{{if .Fresh}}. Confirm who you are once more.{{end}}</p>
<form method="post" action="{{.Action}}">
<fieldset>
<legend>Who are you?</legend>
{{range $i, $p := .People}}<label><input type="radio" name="person" value="{{$p.Subject}}"{{if eq $i 0}} checked{{end}}> {{$p.Name}}: {{$p.About}}</label>
{{end}}</fieldset>
<label><input type="checkbox" name="mfa" value="1" checked> with a second factor</label>
<p><button type="submit">Sign in</button> <button type="submit" name="cancel" value="1">Cancel</button></p>
</form>
</main>
</body>
</html>
`))
