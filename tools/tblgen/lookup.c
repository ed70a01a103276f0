/* Look-ups in the model, and the checks that need more than one table. */
#include "model.h"

#include <lx/errno.h>

#include <string.h>

const struct vocabulary *find_vocabulary(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->vocabulary_count; i++)
		if (!model->vocabularies[i].is_constants && !strcmp(model->vocabularies[i].name, name))
			return &model->vocabularies[i];
	return NULL;
}

const struct constant *find_constant(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->vocabulary_count; i++)
		for (size_t j = 0; j < model->vocabularies[i].count; j++)
			if (!strcmp(model->vocabularies[i].entries[j].name, name))
				return &model->vocabularies[i].entries[j];
	return NULL;
}

const struct structure *find_structure(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->structure_count; i++)
		if (!strcmp(model->structures[i].name, name))
			return &model->structures[i];
	return NULL;
}

const struct status *find_status(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->status_count; i++)
		if (!strcmp(model->statuses[i].name, name))
			return &model->statuses[i];
	return NULL;
}

const struct service *find_service(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->service_count; i++)
		if (!strcmp(model->services[i].name, name))
			return &model->services[i];
	return NULL;
}

int errno_by_name(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} errors[] = {
#define ERROR_ROW(NAME, number, text) {#NAME, number},
	    LX_ERRNO_LIST(ERROR_ROW) LX_RESTART_LIST(ERROR_ROW)
#undef ERROR_ROW
	};

	if (!strcmp(name, "0"))
		return 0;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(errors[i].name, name))
			return errors[i].number;
	return -1;
}

static void check_service(const struct model *model, const struct service *service)
{
	for (unsigned i = 0; i < service->status_count; i++)
		if (!find_status(model, service->statuses[i]))
			complain(service->at, "%s returns %s, which status.tbl does not have", service->name,
				 service->statuses[i]);
}

static void check_row(const struct model *model, const struct syscall *row)
{
	for (unsigned i = 0; i < row->service_count; i++)
		if (!find_service(model, row->services[i]))
			complain(row->at, "%s rests on %s, which services.tbl does not have", row->name,
				 row->services[i]);
	for (unsigned i = 0; i < row->override_count; i++)
		if (!find_status(model, row->overrides[i].status))
			complain(row->at, "%s translates %s, which status.tbl does not have", row->name,
				 row->overrides[i].status);
	if (!*row->note && (!strcmp(row->status, "partial") || !strcmp(row->status, "refused")))
		complain(row->at, "%s is %s: a note must tell its users what is left out, or why", row->name,
			 row->status);
	if (!row->is_direct)
		return;

	const struct service *service = row->service_count == 1 ? find_service(model, row->services[0]) : NULL;

	if (row->service_count != 1)
		complain(row->at, "%s is direct and must name exactly one service", row->name);
	else if (service && (service->parameter_count || row->argument_count))
		complain(row->at, "%s is direct, so neither it nor %s may have arguments", row->name, service->name);
}

void check_model(const struct model *model)
{
	for (size_t i = 0; i < model->service_count; i++)
		check_service(model, &model->services[i]);
	for (size_t i = 0; i < model->syscall_count; i++)
		check_row(model, model->syscalls[i]);
}
