#include "places.h"
#include <stdio.h>
#include <unistd.h>

#define PLACES 4096
static struct place places[PLACES];
static int count;
static bool is_sorted;

static int compare(const void *left, const void *right)
{
	const struct place *a = left, *b = right;

	return a->address < b->address ? -1 : a->address > b->address;
}

const struct place *place_of(u64 address)
{
	struct place key = { .address = address };

	if (is_sorted)
		return bsearch(&key, places, (size_t)count, sizeof(key), compare);
	for (int i = 0; i < count; i++)
		if (places[i].address == address)
			return &places[i];
	return NULL;
}

static void note(const struct trace *trace)
{
	is_sorted = false;
	for (int i = 0; i < trace->count; i++)
		for (int j = 0; j < trace->steps[i].depth; j++)
			if (count < PLACES && !place_of(trace->steps[i].frames[j]))
				places[count++] = (struct place){ .address = trace->steps[i].frames[j] };
	qsort(places, (size_t)count, sizeof(*places), compare);
	is_sorted = true;
}

/* Two lines for each address: the function, and FILE:LINE. */
static void read_answer(FILE *answer)
{
	char line[4096];

	for (int i = 0; i < count; i++) {
		struct place *place = &places[i];
		char *name, *number;

		if (!fgets(line, sizeof(line), answer))
			return;
		line[strcspn(line, ".\n")] = 0;
		snprintf(place->function, sizeof(place->function), "%.63s", line);
		if (!fgets(line, sizeof(line), answer))
			return;
		number = strrchr(line, ':');
		if (!number)
			continue;
		*number = 0;
		place->is_driver = strstr(line, "/kernel/cpu/sgx/") != NULL;
		name = strrchr(line, '/');
		snprintf(place->file, sizeof(place->file), "%.63s", name ? name + 1 : line);
		place->line = atoi(number + 1);
	}
}

void places_find(const struct trace *trace)
{
	char name[] = "/tmp/races.XXXXXX", self[512], command[1200];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int descriptor;
	FILE *file;

	count = 0;
	note(trace);
	descriptor = mkstemp(name);
	if (descriptor < 0 || length < 0)
		return;
	self[length] = 0;
	file = fdopen(descriptor, "w");
	/* A return address is behind its call. */
	for (int i = 0; i < count; i++)
		fprintf(file, "%#llx\n", places[i].address - 1);
	fclose(file);
	snprintf(command, sizeof(command), "addr2line -f -e '%s' <%s", self, name);
	file = popen(command, "r");
	if (file) {
		read_answer(file);
		pclose(file);
	}
	unlink(name);
}
