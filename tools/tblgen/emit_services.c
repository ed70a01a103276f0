/* nt/ntservices.h, nt_services.c (the Zw thunks) and nt_service_table.c (the descriptors). */
#include "model.h"

#include <string.h>

static void print_prototype(FILE *out, const struct service *service, const char *prefix)
{
	fprintf(out, "NTSTATUS %s%s(", prefix, service->name + 2);
	for (unsigned i = 0; i < service->parameter_count; i++) {
		const struct parameter *parameter = &service->parameters[i];
		size_t length = strlen(parameter->c_type);

		fprintf(out, "%s%s%s%s", i ? ", " : "", parameter->c_type,
			parameter->c_type[length - 1] == '*' ? "" : " ", parameter->name);
	}
	fputs(service->parameter_count ? ")" : "void)", out);
}

static void emit_header(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "nt/ntservices.h");

	fputs("/*\n * Generated from translate/tables/services.tbl: the NT system services. Nt* is the service itself; Zw* is "
	      "the\n"
	      " * same for kernel-mode callers, and the place where an observer sees it (nt/ntobserver.h).\n */\n"
	      "#ifndef NT_NTSERVICES_H\n#define NT_NTSERVICES_H\n\n"
	      "#include <nt/ntdef.h>\n#include <nt/ntio.h>\n#include <nt/ntke.h>\n#include <nt/ntmm.h>\n"
	      "#include <nt/ntob.h>\n#include <nt/ntps.h>\n#include <nt/ntse.h>\n\n",
	      out);
	for (size_t i = 0; i < model->service_count; i++) {
		print_prototype(out, &model->services[i], "Nt");
		fputs(";\n", out);
		print_prototype(out, &model->services[i], "Zw");
		fputs(";\n", out);
	}
	fputs("\n#endif\n", out);
	output_close(out);
}

static void print_call(FILE *out, const struct service *service)
{
	fprintf(out, "%s(", service->name);
	for (unsigned i = 0; i < service->parameter_count; i++)
		fprintf(out, "%s%s", i ? ", " : "", service->parameters[i].name);
	fputs(");\n", out);
}

static void print_thunk(FILE *out, const struct service *service, size_t index)
{
	fputc('\n', out);
	print_prototype(out, service, "Zw");
	fputs("\n{\n\tconst struct nt_service_observer *observer = nt_service_observer;\n\tNTSTATUS status;\n\n"
	      "\tif (__builtin_expect(!observer, 1)) {\n\t\tnt_service_enter();\n\t\tstatus = ",
	      out);
	print_call(out, service);
	fputs("\t\treturn nt_service_leave(status);\n\t}\n\n\tconst uint64_t arguments[] = {", out);
	for (unsigned i = 0; i < service->parameter_count; i++)
		fprintf(out, "%s(uint64_t)%s", i ? ", " : "", service->parameters[i].name);
	fprintf(out, "%s};\n\n\tobserver->enter(&nt_services[%zu], arguments);\n\tnt_service_enter();\n\tstatus = ",
		service->parameter_count ? "" : "0", index);
	print_call(out, service);
	fprintf(out, "\tstatus = nt_service_leave(status);\n\tobserver->leave(&nt_services[%zu], arguments, status);\n\treturn status;\n}\n", index);
}

static void emit_thunks(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "nt_services.c");

	fputs("/* Generated from translate/tables/services.tbl: kernel-mode callers' form of each service. */\n"
	      "#include <nt/ntservices.h>\n\n#include <nt/ntobserver.h>\n\n"
	      "const struct nt_service_observer *nt_service_observer;\n",
	      out);
	for (size_t i = 0; i < model->service_count; i++)
		if (!model->services[i].is_missing)
			print_thunk(out, &model->services[i], i);
	output_close(out);
}

static void print_parameters(FILE *out, const struct service *service)
{
	static const char *const directions[] = {[IN] = "IN", [OUT] = "OUT", [INOUT] = "INOUT"};

	if (!service->parameter_count)
		return;
	fprintf(out, "static const struct nt_parameter_descriptor parameters_%s[] = {\n", service->name);
	for (unsigned i = 0; i < service->parameter_count; i++) {
		const struct parameter *parameter = &service->parameters[i];

		fprintf(out, "\t{\"%s\", \"%s\", ", parameter->name, parameter->c_type);
		print_literal(out, parameter->decoder);
		fprintf(out, ", NT_PARAMETER_%s, %s},\n", directions[parameter->direction],
			parameter->is_optional ? "true" : "false");
	}
	fputs("};\n", out);
}

static void print_statuses(FILE *out, const struct service *service)
{
	if (!service->status_count)
		return;
	fprintf(out, "static const NTSTATUS statuses_%s[] = {", service->name);
	for (unsigned i = 0; i < service->status_count; i++)
		fprintf(out, "%s%s", i ? ", " : "", service->statuses[i]);
	fputs("};\n", out);
}

static void print_descriptor(FILE *out, const struct service *service)
{
	fprintf(out, "\t{\"%s\", ", service->name);
	fprintf(out, service->number < 0 ? "%d" : "0x%x", service->number);
	fprintf(out, ", %s, %u, %u, ", service->is_missing ? "true" : "false", service->parameter_count,
		service->status_count);
	if (service->parameter_count)
		fprintf(out, "parameters_%s, ", service->name);
	else
		fputs("NULL, ", out);
	if (service->status_count)
		fprintf(out, "statuses_%s},\n", service->name);
	else
		fputs("NULL},\n", out);
}

static void emit_table(const struct model *model, const char *folder)
{
	FILE *out = output_open(folder, "nt_service_table.c");

	fputs("/* Generated from translate/tables/services.tbl: what is known of each service. */\n"
	      "#include <nt/ntobserver.h>\n\n#include <nt/ntstatus.h>\n\n#include <string.h>\n\n",
	      out);
	for (size_t i = 0; i < model->service_count; i++) {
		print_parameters(out, &model->services[i]);
		print_statuses(out, &model->services[i]);
	}
	fputs("\nconst struct nt_service_descriptor nt_services[] = {\n", out);
	for (size_t i = 0; i < model->service_count; i++)
		print_descriptor(out, &model->services[i]);
	fprintf(out, "};\n\nconst size_t nt_service_count = %zu;\n\n", model->service_count);
	fputs("const struct nt_service_descriptor *nt_service_by_name(const char *name)\n{\n"
	      "\tif (strncmp(name, \"Nt\", 2) != 0 && strncmp(name, \"Zw\", 2) != 0)\n\t\treturn NULL;\n"
	      "\tfor (size_t i = 0; i < nt_service_count; i++)\n"
	      "\t\tif (!strcmp(nt_services[i].name + 2, name + 2))\n\t\t\treturn &nt_services[i];\n"
	      "\treturn NULL;\n}\n",
	      out);
	output_close(out);
}

void emit_services(const struct model *model, const char *folder)
{
	emit_header(model, folder);
	emit_thunks(model, folder);
	emit_table(model, folder);
}
