# What is installed, and a Debian package of it (cpack, tools/package).
include(GNUInstallDirs)
install(TARGETS lxrun lxaudit RUNTIME)
install(CODE "file(CREATE_LINK lxrun \$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/lxtrace SYMBOLIC)")
file(GLOB man_pages CONFIGURE_DEPENDS man/*.[1-8])
foreach(page ${man_pages})
	string(REGEX REPLACE ".*\\.([1-8])$" "\\1" section ${page})
	install(FILES ${page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
install(FILES ${GEN_DIR}/lxrun-syscalls.7 DESTINATION ${CMAKE_INSTALL_MANDIR}/man7)
install(FILES README.md LICENSE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
# Shells look completions up by the command's name; zsh's file names both.
foreach(command lxrun lxtrace)
	install(FILES tools/completion/lxrun.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ${command})
	install(FILES tools/completion/lxrun.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d
		RENAME ${command}.fish)
endforeach()
install(FILES tools/completion/_lxrun DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME lxrun)
set(CPACK_PACKAGE_CONTACT "The lxrun developers <lxrun@example.org>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "run Linux programs on a user-space kernel")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Unmodified x86-64 programs run on a kernel of lxrun's own, without privilege, namespaces
or a virtual machine: each system call is caught and carried out on an NT-style
object layer. lxtrace prints the calls as strace does, and the NT services
beneath them.")
include(CPack)
