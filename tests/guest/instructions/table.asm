; Instructions that read and write memory, one at a time, with known registers:
; run_instruction() is called with each of the table, at each place that tells something.
global run_instruction, instruction_table

; Flags that an instruction leaves undefined are not looked at.
%define ALL 0x8d5   ; OF SF ZF AF PF CF
%define LOGIC 0x8c5 ; without AF
%define CARRY 1
%define REVERSED 0x10000 ; the place is in ESI, the open memory in EDI
%define FIRST 0x20000    ; of the first table alone, whose selectors are:
%define CODE 0x08
%define DATA 0x10
%define MARKS 0x18

; row FLAGS, INSTRUCTION: the instruction is its own name.
%macro row 2+
%defstr %%text %2
section .rodata
	dd %%name, %%code, %1
section .rodata.names
%%name:	db %%text, 0
section .text
%%code:	%2
	ret
%endmacro

; Those that are more than one instruction.
%macro push_and_pop 1
	push %1
	pop eax
%endmacro
%macro pop_after_push 1
	push eax
	pop %1
%endmacro
%macro with_what_is_there 1+
	mov eax, [edi]
	%1
%endmacro
%macro with_stack_there 1
	xchg esp, edi
	%1
	xchg esp, edi
%endmacro
%macro backwards 1+
	std
	%1
	cld
%endmacro

; Segment registers.  The selector lies in each word at the place, so it is that of a far
; pointer, too.  EAX: what the register reads back as, and a byte through it.
%macro selectors_there 1
	mov dword [edi], %1 << 16 | %1
	mov word [edi + 4], %1
%endmacro
%macro said 1
	mov eax, %1
	shl eax, 16
	mov al, [%1:0x10]
	push DATA
	pop %1
	xor eax, edx ; with what LDS and its like have loaded
%endmacro
%macro loads 2+ ; register, instruction
	selectors_there MARKS
	%2
	said %1
%endmacro
%macro loads_ss 1+
	selectors_there DATA
	%1
	mov eax, ss
	and al, ~3
	xor eax, edx
%endmacro
%macro pops 1 ; the place is the stack
	mov dword [esp], MARKS
	pop %1
	xchg esp, edi
	said %1
	xchg esp, edi
%endmacro
%macro pushes 1 ; the upper half may be zero, or as it was
	push %1
	mov word [esp + 2], 0
	and byte [esp], ~3
%endmacro
%macro stores 1 ; CS and SS read back with the RPL that there is
	%1
	and byte [edi], ~3
%endmacro

%macro pop_ss_there 0
	xchg esp, edi
	mov dword [esp], DATA
	pop ss
	xchg esp, edi
	mov eax, ss
	and al, ~3
%endmacro

; Calls and jumps.  EAX: what a far CALL pushes.
%macro leads_to 1
	mov dword [edi], %1
	mov word [edi + 4], CODE
%endmacro
%macro far_jump 0
	leads_to %%on
	jmp far [edi]
	ud2
%%on:
%endmacro
%macro far_call 0
	leads_to %%callee
	call far [edi]
	jmp %%on
%%callee:
	and byte [esp + 4], ~3
	mov eax, [esp + 4]
	retf
%%on:
%endmacro
%macro far_call_there 0
	xchg esp, edi
	call CODE:%%callee
%%callee:
	and byte [esp + 4], ~3
	pop edx
	pop eax
	xchg esp, edi
%endmacro
%macro iret_there 0
	xchg esp, edi
	push 2
	push CODE
	push %%on
	iret
%%on:	xchg esp, edi
%endmacro
%macro near_call_there 0
	xchg esp, edi
	call %%callee
	xchg esp, edi
	jmp %%on
%%callee:
	mov eax, [esp]
	ret
%%on:
%endmacro
%macro popfd_there 0
	xchg esp, edi
	push 0x8d7
	popfd
	xchg esp, edi
%endmacro

; in_all_sizes FLAGS, NAME: on memory, with a register and with a constant.
%macro in_all_sizes 2
	row %1, %2 byte [edi], al
	row %1, %2 word [edi], ax
	row %1, %2 dword [edi], eax
	row %1, %2 dword [edi], 0x55
	row %1, %2 dword [edi], 0x55667788
	row %1, %2 eax, dword [edi]
%endmacro
%macro one_operand 2
	row %1, %2 byte [edi]
	row %1, %2 word [edi]
	row %1, %2 dword [edi]
%endmacro

section .rodata align=4
instruction_table: ; (name, code, flags) triples, up to a null name
	in_all_sizes ALL, mov
	row ALL, mov byte [edi + 2*ecx - 6], 0x77
	row ALL, mov ah, byte [edi + 1]
	row ALL, movzx eax, byte [edi]
	row ALL, movzx eax, word [edi]
	row ALL, movsx eax, byte [edi]
	row ALL, movsx eax, word [edi]
	in_all_sizes ALL, add
	in_all_sizes ALL, adc
	in_all_sizes ALL, sbb
	in_all_sizes ALL, sub
	in_all_sizes ALL, cmp
	in_all_sizes LOGIC, and
	in_all_sizes LOGIC, or
	in_all_sizes LOGIC, xor
	row LOGIC, test byte [edi], al
	row LOGIC, test dword [edi], eax
	row LOGIC, test word [edi], 0x5566
	one_operand ALL, inc
	one_operand ALL, dec
	one_operand ALL, neg
	one_operand ALL, not
	row ALL, xchg byte [edi], al
	row ALL, xchg word [edi], ax
	row ALL, xchg dword [edi], eax
	row ALL, lock cmpxchg byte [edi], dl
	row ALL, cmpxchg word [edi], dx
	row ALL, cmpxchg dword [edi], edx
	row ALL, with_what_is_there lock cmpxchg dword [edi], edx
	row CARRY, bt dword [edi], 3
	row CARRY, bts dword [edi], 4
	row CARRY, btr word [edi], 5
	row CARRY, btc dword [edi], 31
	row CARRY, bt dword [edi], edx ; a bit 37 away
	row CARRY, bts dword [edi], edx
	row CARRY, btr word [edi], dx
	row CARRY, lock btc dword [edi], edx
	row ALL, push_and_pop dword [edi]
	row ALL, pop_after_push dword [edi]
	row ALL, with_stack_there {push eax}
	row ALL, with_stack_there {pop eax}
	row ALL, movsb
	row ALL, rep movsb
	row ALL, rep movsw
	row ALL, rep movsd
	row ALL|REVERSED, rep movsb
	row ALL|REVERSED, rep movsd
	row ALL, backwards rep movsd
	row ALL, stosw
	row ALL, rep stosb
	row ALL, rep stosd
	row ALL|REVERSED, lodsb
	row ALL|REVERSED, rep lodsd
	row ALL, repe cmpsb
	row ALL|REVERSED, repne cmpsd
	row ALL, repne scasb
	row ALL, repe scasd
	row ALL, near_call_there
	row ALL, popfd_there
	row ALL|FIRST, loads ds, mov ds, [edi]
	row ALL|FIRST, loads es, mov es, [edi]
	row ALL|FIRST, loads fs, mov fs, [edi]
	row ALL|FIRST, loads gs, mov gs, [edi]
	row ALL|FIRST, loads_ss mov ss, [edi]
	row ALL|FIRST, loads ds, lds edx, [edi]
	row ALL|FIRST, loads es, les edx, [edi]
	row ALL|FIRST, loads fs, lfs edx, [edi]
	row ALL|FIRST, loads gs, lgs edx, [edi]
	row ALL|FIRST, loads gs, lgs dx, [edi]
	row ALL|FIRST, loads_ss lss edx, [edi]
	row ALL|FIRST, with_stack_there {pops ds}
	row ALL|FIRST, with_stack_there {pops es}
	row ALL|FIRST, with_stack_there {pops fs}
	row ALL|FIRST, with_stack_there {pops gs}
	row ALL|FIRST, pop_ss_there
	row ALL, with_stack_there {pushes ds}
	row ALL, with_stack_there {pushes es}
	row ALL, with_stack_there {pushes fs}
	row ALL, with_stack_there {pushes gs}
	row ALL, with_stack_there {pushes ss}
	row ALL, with_stack_there {pushes cs}
	row ALL, stores {mov [edi], ds}
	row ALL, stores {mov [edi], gs}
	row ALL, stores {mov [edi], ss}
	row ALL, stores {mov [edi], cs}
	row ALL|FIRST, far_call
	row ALL|FIRST, far_jump
	row ALL|FIRST, far_call_there
	row ALL|FIRST, iret_there
	row ALL, sgdt [edi]
	row ALL, sidt [edi]
	row ALL, sldt [edi]
	row ALL, str [edi]
	row ALL, smsw [edi]
section .rodata
	dd 0, 0, 0

section .text
; run_instruction(code, edi, esi, state): state is filled with what is in EAX, ECX,
; ESI, EDI and EFLAGS afterwards.
run_instruction:
	pushad
	mov edi, [esp + 40]
	mov esi, [esp + 44]
	mov eax, 0x89abcdef
	mov ecx, 3
	mov edx, 37
	cmp ecx, edx ; a carry, and all other flags known
	call [esp + 36]
	pushfd
	push edi
	mov edi, [esp + 56]
	mov [edi], eax
	mov [edi + 4], ecx
	mov [edi + 8], esi
	pop dword [edi + 12]
	pop dword [edi + 16]
	popad
	ret
