/* The guard's decisions: the examples of two tables, and the hold-off. */
#include "check.h"
#include "policy.h"

#define NOW_MS 1000000000ull

static struct profile profile;
static struct situation device;
static uint64_t minute_bytes;
static struct app apps[16];
static size_t apps_nr;
static const char *case_name, *table_name;
static unsigned int line_number, claims;

static void begin_case(const char *name)
{
	case_name = name;
	profile_reset(&profile);
	memset(&device, 0, sizeof(device));
	device.swap_total_bytes = device.swap_free_bytes = 1000;
	minute_bytes = 0;
	apps_nr = 0;
}

static void must(bool claim, const char *what)
{
	claims++;
	if (claim)
		return;
	fprintf(stderr, "%s:%u: %s: %s is not so\n", table_name, line_number, case_name, what);
	exit(1);
}

static uint64_t number(const struct request *request, const char *key, uint64_t fallback)
{
	struct span text;
	uint64_t value;

	if (!request_value(request, key, &text))
		return fallback;
	if (span_is(text, "-"))
		return UNKNOWN;
	must(parse_u64(text, 10, &value), key);
	return value;
}

static void read_device(const struct request *request)
{
	device.available_bytes = number(request, "available_bytes", 0);
	device.free_bytes = number(request, "free_bytes", 0);
	device.low_bytes = number(request, "low_bytes", 0);
	device.swap_total_bytes = number(request, "swap_total_bytes", 1000);
	device.swap_free_bytes = number(request, "swap_free_bytes", 1000);
	device.launch_bytes = number(request, "launch_bytes", 0);
	device.pressed = number(request, "pressed", 0) == 1;
	device.returning = number(request, "returning", 0) == 1;
	minute_bytes = number(request, "minute_bytes", 0);
}

/* The moment that was `ms` ago. */
static uint64_t ago(uint64_t ms)
{
	return ms == UNKNOWN ? UNKNOWN : NOW_MS - ms;
}

static void read_app(const struct request *request)
{
	struct app *app = &apps[apps_nr];
	struct span name, part, packages = {NULL, 0};

	memset(app, 0, sizeof(*app));
	must(request_value(request, "name", &name) && name.len <= APP_NAME_MAX, "name");
	memcpy(app->name, name.at, name.len);
	app->name_len = name.len;
	app->pid = (int)++apps_nr;
	app->adj = (int)number(request, "adj", 900);
	app->rss_anon_bytes = number(request, "anon_bytes", 100000000);
	app->background_ms = ago(number(request, "background_ms", 60000));
	app->action_ms = ago(number(request, "action_ms", UNKNOWN));
	app->check_ms = UNKNOWN;
	app->holdoff_ms = number(request, "holdoff_ms", 0);
	app->rest_bytes = number(request, "rest_bytes", 0);
	app->hot_bytes = number(request, "hot_bytes", 0);
	app->leaving = number(request, "leaving", 0) == 1;
	app->trim_ms = ago(number(request, "trim_ms", UNKNOWN));
	app->no_rest = number(request, "no_rest", 0) == 1;
	app->rule = -1;
	if (!request_value(request, "packages", &packages))
		span_word(&name, ':', &packages);
	if (span_is(packages, "-"))
		app->rule = policy_rule(&profile, (struct span){NULL, 0}, -1);
	else
		while (span_word(&packages, ',', &part))
			app->rule = policy_rule(&profile, part, app->rule);
}

static struct app *app_named(struct span name)
{
	for (size_t i = 0; i < apps_nr; i++)
		if (name.len == apps[i].name_len && memcmp(name.at, apps[i].name, name.len) == 0)
			return &apps[i];
	must(false, "an app of this name");
	return NULL;
}

static void expect_missing(struct span rest)
{
	const char *condition;
	uint64_t missing = policy_missing(&profile.when, &device, &condition), wanted;
	struct span word;

	span_word(&rest, ' ', &word);
	must(parse_u64(word, 10, &wanted) && missing == wanted, "missing");
	must(missing == 0 ? span_is(rest, "-") : span_is(rest, condition), "the condition");
}

static void expect_order(struct span rest)
{
	const char *condition;
	bool wanted = policy_missing(&profile.when, &device, &condition) > 0;
	struct app *next;
	struct span name;

	while (!span_is(rest, "-") && span_word(&rest, ' ', &name)) {
		next = policy_next(&profile, apps, apps_nr, &device, wanted, NOW_MS);
		must(next == app_named(name), "order");
		next->rule = -1; /* dealt with */
	}
	must(!policy_next(&profile, apps, apps_nr, &device, wanted, NOW_MS),
	     "the end of the order");
}

static void is_word(const char *said, struct span word, const char *what)
{
	must(said ? span_is(word, said) : span_is(word, "-"), what);
}

/* A line of a case, as if it were a request: "x WORD KEY=VALUE ...". */
static void read_line(const char *line)
{
	static char text[1032];
	struct request request;
	struct span rest, name;
	const char *why;

	snprintf(text, sizeof(text), "x %s", line);
	must(request_parse(span_of(text), &request) == 0, "a line");
	rest = request.pairs;
	if (span_is(request.verb, "when"))
		must(when_parse(&request, &profile.when, &why), "when");
	else if (span_is(request.verb, "rule"))
		must(rule_parse(&request, &profile.rules[profile.rules_nr++], &why), "rule");
	else if (span_is(request.verb, "device"))
		read_device(&request);
	else if (span_is(request.verb, "app"))
		read_app(&request);
	else if (span_is(request.verb, "missing"))
		expect_missing(rest);
	else if (span_is(request.verb, "forbids"))
		is_word(policy_forbids(&profile.when, &device, minute_bytes), rest, "forbids");
	else if (span_is(request.verb, "order"))
		expect_order(rest);
	else if (span_is(request.verb, "spared") && span_word(&rest, ' ', &name))
		is_word(policy_spares(&profile, app_named(name), NOW_MS), rest, "spared");
	else
		must(false, "a word of this file");
}

/* Have `take` read each line of a table, but not remarks and empty lines. */
static void read_table(const char *table, void (*take)(const char *line))
{
	static char path[4096], text[1024];
	size_t len = (size_t)(strrchr(__FILE__, '/') - __FILE__) + 1;
	FILE *file;

	snprintf(path, sizeof(path), "%.*s%s", (int)len, __FILE__, table);
	file = fopen(path, "r");
	CHECK(file);
	table_name = table;
	line_number = claims = 0;
	while (fgets(text, sizeof(text), file)) {
		line_number++;
		text[strcspn(text, "\n")] = '\0';
		if (text[0] != '#' && text[0] != '\0')
			take(text);
	}
	fclose(file);
	CHECK(claims > 60);
}

static void take_line(const char *line)
{
	static char name[1024];

	if (strncmp(line, "case ", 5) == 0) {
		snprintf(name, sizeof(name), "%s", line + 5);
		begin_case(name);
	} else {
		read_line(line);
	}
}

static void glob_row(const char *line)
{
	char pattern[160], text[256], fits[8];

	must(sscanf(line, "glob %159s %255s %7s", pattern, text, fits) == 3, "a row");
	must(glob_fits(pattern, span_of(text)) == (strcmp(fits, "yes") == 0), "glob");
}

static void rule_row(const char *line)
{
	static char text[512];
	unsigned long long at_least_bytes, background, cooldown, rss, away, holdoff;
	char how[16], idle[32], word[32];
	struct app app = {.rule = 0};
	const char *why, *said;
	struct request request;
	int low, high;

	begin_case(line);
	must(sscanf(line, "rule %d %d %llu %llu %15s %llu : %d %llu %llu %31s %llu -> %31s", &low,
		    &high, &at_least_bytes, &background, how, &cooldown, &app.adj, &rss, &away,
		    idle, &holdoff, word) == 12,
	     "a row");
	snprintf(text, sizeof(text),
		 "x rule match=* adj_low=%d adj_high=%d at_least_bytes=%llu background_ms=%llu "
		 "rung=%s "
		 "cooldown_ms=%llu",
		 low, high, at_least_bytes, background, how, cooldown);
	must(request_parse(span_of(text), &request) == 0 &&
		     rule_parse(&request, &profile.rules[0], &why),
	     "rule");
	app.rss_anon_bytes = rss;
	app.background_ms = ago(away);
	app.action_ms = ago(idle[0] == '-' ? UNKNOWN : strtoull(idle, NULL, 10));
	app.holdoff_ms = holdoff;
	said = policy_spares(&profile, &app, NOW_MS);
	must(strcmp(said ? said : "touch", word) == 0, "the word");
}

static void take_row(const char *line)
{
	case_name = line;
	if (strncmp(line, "glob ", 5) == 0)
		glob_row(line);
	else
		rule_row(line);
}

static void a_glob_fits_whole_texts_only_and_never_takes_long(void)
{
	static char many[200], pattern[200];

	CHECK(glob_fits("*", span_of("")) && glob_fits("**", span_of("x")));
	CHECK(glob_fits("com.*.game", span_of("com.a.b.game")));
	CHECK(!glob_fits("com.*.game", span_of("com.a.b.game2")));
	CHECK(glob_fits("a?c", span_of("abc")) && !glob_fits("a?c", span_of("ac")));
	CHECK(!glob_fits("", span_of("a")) && glob_fits("", span_of("")));
	CHECK(glob_fits("*a*b", span_of("xaybab")) && !glob_fits("Com", span_of("com")));
	for (size_t i = 0; i + 1 < sizeof(many); i++) {
		many[i] = 'a';
		pattern[i] = i % 2 ? 'a' : '*';
	}
	pattern[100] = 'b';
	CHECK(!glob_fits(pattern, span_of(many)));
}

static void the_holdoff_doubles_when_more_than_a_quarter_came_back_and_halves_when_not(void)
{
	struct app app = {.rule = 0,
			  .holdoff_ms = 30000,
			  .moved_bytes = 1000,
			  .swap_after_bytes = 5000,
			  .check_ms = 1};

	profile_reset(&profile);
	profile.rules_nr = 1;
	profile.rules[0].cooldown_ms = 30000;
	CHECK(policy_returned(&profile, &app, 4749) == 251 && app.holdoff_ms == 60000);
	CHECK(app.check_ms == UNKNOWN && app.refaulted_bytes == 251);
	CHECK(policy_returned(&profile, &app, 4000) == 1000 && app.holdoff_ms == 120000);
	CHECK(policy_returned(&profile, &app, 4750) == 250 && app.holdoff_ms == 60000);
	CHECK(policy_returned(&profile, &app, 6000) == 0 && app.holdoff_ms == 30000);
	CHECK(policy_returned(&profile, &app, 6000) == 0 && app.holdoff_ms == 30000);
	for (int i = 0; i < 40; i++)
		policy_returned(&profile, &app, 0);
	CHECK(app.holdoff_ms == 3600000); /* an hour, and no more */
	CHECK(app.refaulted_bytes == 251 + 1000 + 250 + 40 * 1000); /* never more than went */
}

static void a_page_out_has_the_rules_budget_within_what_the_minute_has_left(void)
{
	struct when when = {.per_minute_bytes = 1000};
	struct rule rule = {.budget_bytes = 500};

	CHECK(policy_budget(&when, &rule, 300) == 500);
	rule.budget_bytes = 800;
	CHECK(policy_budget(&when, &rule, 300) == 700 && policy_budget(&when, &rule, 1000) == 0);
	rule.budget_bytes = UNKNOWN;
	CHECK(policy_budget(&when, &rule, 300) == 700);
	when.per_minute_bytes = UNKNOWN;
	CHECK(policy_budget(&when, &rule, 300) == UNKNOWN);
}

static void a_slice_is_twice_what_is_missing_within_bounds(void)
{
	CHECK(policy_slice(10 << 20) == 20 << 20);
	CHECK(policy_slice(1) == 4 << 20 && policy_slice(UNKNOWN) == 64 << 20);
	CHECK(policy_slice(0) == 64 << 20); /* nothing is missing: the app left */
}

static void a_cooldown_of_nothing_doubles_from_ten_seconds(void)
{
	struct app app = {.rule = 0, .moved_bytes = 100, .swap_after_bytes = 100};

	profile_reset(&profile);
	profile.rules_nr = 1;
	policy_returned(&profile, &app, 0);
	CHECK(app.holdoff_ms == 20000);
}

int main(void)
{
	read_table("guard_policy.txt", take_line);
	read_table("decisions.txt", take_row);
	the_holdoff_doubles_when_more_than_a_quarter_came_back_and_halves_when_not();
	a_cooldown_of_nothing_doubles_from_ten_seconds();
	a_slice_is_twice_what_is_missing_within_bounds();
	a_page_out_has_the_rules_budget_within_what_the_minute_has_left();
	a_glob_fits_whole_texts_only_and_never_takes_long();
	return 0;
}
