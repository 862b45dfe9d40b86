/* Lines of the driver, and what cannot go on. */
#include "tasks.h"
#include <stdarg.h>
#include <stdio.h>

static int warnings;

struct line {
	int level;
	char text[512];
};
static void tell(void *argument)
{
	struct line *line = argument;

	embedder_->log(embedder_->context, line->level, line->text);
}

void log_line_(int level, const char *format, ...)
{
	struct line line = { .level = level };
	va_list values;

	va_start(values, format);
	vsnprintf(line.text, sizeof(line.text), format, values);
	va_end(values);
	on_own_stack(tell, &line);
}

const char *name_in_path_(const char *path)
{
	const char *name = strrchr(path, '/');

	return name ? name + 1 : path;
}

void warn_(const char *file, int number, const char *format, ...)
{
	struct line line = { .level = 1 };
	int length = snprintf(line.text, sizeof(line.text), "WARN %s", name_in_path_(file));
	va_list values;

	warnings++;
	if (number)
		length += snprintf(line.text + length, sizeof(line.text) - (size_t)length, ":%d", number);
	length += snprintf(line.text + length, sizeof(line.text) - (size_t)length, ": ");
	va_start(values, format);
	vsnprintf(line.text + length, sizeof(line.text) - (size_t)length, format, values);
	va_end(values);
	on_own_stack(tell, &line);
}
int linux_warnings(void)
{
	return warnings;
}

void fail(const char *format, ...)
{
	struct line line = { .level = 0 };
	va_list values;

	va_start(values, format);
	vsnprintf(line.text, sizeof(line.text), format, values);
	va_end(values);
	failure_here(line.text);
	on_own_stack(tell, &line);
	abort();
}
