import { staticProgram } from '../toolbox/elf.ts';
import { dispatchDir } from './layout.ts';

/**
 * The interpreter that binfmt_misc starts for an armhf program with a native twin. With the flag P, the kernel gives it
 * `[interpreter, path of the program, argv[0], arguments…]` (Documentation/admin-guide/binfmt-misc.rst). It is entered
 * under the name `dispatchDir + path of the native twin`, so that the twin's path is the tail of its own name: it
 * executes that with `[argv[0], arguments…]`, and needs neither memory nor a table.
 */
export function dispatcher(): Buffer {
  if (dispatchDir.length > 127) throw new Error('the offset is a signed byte');
  const offset = dispatchDir.length.toString(16).padStart(2, '0');
  return staticProgram(
    'amd64',
    `488b7c2408    mov rdi, [rsp+8]         the interpreter's name
     4883c7${offset}      add rdi, length of dispatchDir
     488d742418    lea rsi, [rsp+24]        argv from the program's own argv[0] on
     488b0424      mov rax, [rsp]           argc
     488d54c410    lea rdx, [rsp+rax*8+16]  envp
     b83b000000    mov eax, 59              execve
     0f05          syscall
     bf7f000000    mov edi, 127             it returned: there is no such twin
     b83c000000    mov eax, 60              exit
     0f05          syscall`.replaceAll(/(?<=^\s*[0-9a-f]+)\s.*$/gm, ''),
  );
}
