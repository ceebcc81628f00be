/* random guest: trees, huge/4K flips, partial and misaligned table writes, WP and PGE toggles, user mode, aliases of tables, reserved bits, MMIO */
#include "lib.h"
#ifndef NOPS
#define NOPS 3000
#endif
#ifndef SEED
#define SEED 1
#endif
const u32 boot_2m=0, boot_leaf=7;
extern void enter_user(void (*f)(u64), u64 arg, u64 stack);
static u32 seed=SEED;
static u32 rnd(void){ seed=seed*1103515245u+12345u; return seed>>8; }
static u64 tree[6]={0x200000,0x300000,0x304000,0x308000,0x30c000,0x310000};
static u32 cur, loops;
static inline void wr16(ux a,u16 v){ __asm__ volatile("movw %0,(%1)"::"r"(v),"r"(a):"memory"); }
static u64 pde_a(u64 va){ return tree[cur]+0x2000+(va>>21)*8; }
static u64 pte_a(u64 va){ return (rd64(pde_a(va))&0xffffffff000ull)+((va>>12)&511)*8; }
static u64 home(u64 va){ return 0x203000ull+((va)>>21)*0x1000; }   /* the boot tree's leaf table */
void pf_c(u64 cr2,u64 err,u64*fr){
  u64 va=cr2&~0xfffull; npf++; mix((u32)cr2); mix((u32)err);
  if(++loops>20000) die(0x42);
  if(va<0x1000000||va>=0x2000000) die(0x43);
  u64 pa=pde_a(va), d=rd64(pa);
  if(!(d&1)||(d&0xfffff00000000000ull)||((d&0x80)&&(d&0x1fe000))){ wr64(pa,home(va)|7); invlpg(va); return; }
  if((d&7)!=7){ wr64(pa,d|7); invlpg(va); return; }
  if(d&0x80){ die(0x44); }
  u64 p=pte_a(va), e=rd64(p);
  if(!(e&1)||(err&8)||(e&0x7fff000000000000ull)||(e&NX)) e=va|7; else e|=7;
  wr64(p,e); invlpg(va);
}
static u64 hot(void){ u32 r=rnd(); return 0x1000000+((r&7)<<21)+(((r>>3)&15)<<12); }
static void user(u64 n){
  u32 s=(u32)n; 
  for(int i=0;i<6;i++){ s=s*1103515245u+12345u; u64 a=0x1000000+(((u64)(s>>8)&7)<<21)+((u64)((s>>11)&15)<<12)+((s>>16)&0xff8); if(s&0x80000000u) wr8(a,(u8)s); else (void)rd8(a); }
  __asm__ volatile("int $0x80");
}
void main(void){
  idt_init();
  for(int t=1;t<6;t++){ u64 b=tree[t]; for(u64 i=0;i<3*512;i++) wr64(b+i*8,0);
    wr64(b,(b+0x1000)|7); wr64(b+0x1000,(b+0x2000)|7);
    for(u64 i=0;i<32;i++) wr64(b+0x2000+i*8,(0x203007+i*0x1000)); }
  for(u64 i=8;i<16;i++) wr64(tree[2]+0x2000+i*8,(0x330000+(i-8)*0x1000)|7);
  for(u64 i=0;i<8*512;i++) wr64(0x330000+i*8,(0x2000000+i*0x1000)|7);
  CK(1);
  for(u32 n=0;n<NOPS;n++){
    u64 va=hot(); u32 op=rnd()%40; u64 d=rd64(pde_a(va)); int huge=(d&0x81)==0x81, ok=(d&1)&&!huge&&!(d&0xfffff00000000000ull);
    u64 p=ok?pte_a(va):home(va)+((va>>12)&511)*8;
    if(op<8) wr8(va+(n&0xfff),(u8)n);
    else if(op<13) mix(rd8(va+(rnd()&0xfff)));
    else if(op<14){ wr64(p,0); invlpg(va); }
    else if(op<15){ wr64(p,rd64(p)^2); if(rnd()&1) invlpg(va); else set_cr3(get_cr3()); }
    else if(op<16){ wr64(p,rd64(p)^4); invlpg(va); }
    else if(op<17){ wr64(p,(hot()+((rnd()&1)<<24))|7); invlpg(va); }
    else if(op<20){ cur=rnd()%6; set_cr3(tree[cur]); }
    else if(op<21){ u64 a=pde_a(va); if(huge) wr64(a,home(va)|7); else wr64(a,(va&~0x1fffffull)|0x87); set_cr3(get_cr3()); }
    else if(op<22){ u64 a=pde_a(va), b=pde_a(hot()), x=rd64(a), y=rd64(b); if(!huge&&!(y&0x80)){ wr64(a,y); wr64(b,x); set_cr3(get_cr3()); } }
    else if(op<23){ wr32(p,(u32)(va|3)); invlpg(va); }                       /* low half */
    else if(op<24){ wr32(p+4,0x80000000u); invlpg(va); wr32(p+4,0); invlpg(va); }  /* high half: NX and back */
    else if(op<25){ wr8(p,(u8)(rd8(p)&~0x60)); invlpg(va); }                 /* one byte: clear A and D */
    else if(op<26){ wr16(p+1,(u16)(rd32(p)>>8)); set_cr3(get_cr3()); }       /* misaligned, same value */
    else if(op<27){ if((p&0xfff)<0xff8){ u64 x=rd64(p+4); wr64(p+4,x); set_cr3(get_cr3()); } } /* straddles two entries */
    else if(op<28){ set_cr0(get_cr0()^0x10000); wr8(va,1); }                  /* CR0.WP */
    else if(op<29){ set_cr4(get_cr4()^0x80); mix(rd8(va)); }
    else if(op<31){ enter_user(user,rnd(),0x1E0000); }
    else if(op<32){ wr64(p,va|7|(1ull<<51)); invlpg(va); (void)rd8(va); }    /* reserved bit */
    else if(op<33){ u64 q=home(va)&~0xfffull; wr64(p,q|3); invlpg(va); if(ok){ mix((u32)rd64(va+8)); wr64(va+0xff0,rd64(va+0xff0)); } wr64(p,va|7); invlpg(va); } /* alias of a table */
    else if(op<34){ wr64(pde_a(va),rd64(pde_a(va))^4); set_cr3(get_cr3()); }
    else if(op<35){ wr64(pde_a(va),0); invlpg(va); (void)rd8(va); }
    else if(op<36){ u64 q=p&~0x7full; for(u64 i=0;i<16;i++) wr64(q+i*8,rd64(q+i*8)&~0x60ull); set_cr3(get_cr3()); }
    else if(op<37){ wr64(p,0xFE000007+(rnd()&3)*0x1000); invlpg(va); if(ok){ wr32(va+16,n); (void)rd32(va+32);} wr64(p,va|7); invlpg(va); }
    else if(op<38){ wr64(p,va|5); invlpg(va); mix(rd8(va)); wr8(va,3); }
    else if(op<39){ for(u64 i=0;i<3;i++) wr8(hot()+i,(u8)i); set_cr3(get_cr3()); }
    else mix((u32)rd64(p));
    if(n%600==599) CK((u8)(2+n/600));
  }
  set_cr0(get_cr0()|0x10000); set_cr3(0x200000); cur=0;
  for(u64 a=0x200000;a<0x223000;a+=8) mix((u32)rd64(a)); 
  CK(50);
  put_hex(npf); put_hex(sum);
}
